//! A TCP proxy on this machine that misbehaves as networks do: it forgets connections without a word, cuts them, delays them, refuses new
//! ones, or accepts and closes at once like a load balancer without a server.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the proxy does with new connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Welcome {
    /// It carries them to the target.
    Carry,
    /// It accepts and closes them, like a load balancer without a server.
    Close,
    /// It accepts them and never answers, like a lost host behind something that still answers.
    Swallow,
}

/// The proxy. When it is dropped, it ends with every connection.
#[derive(Debug)]
pub struct FaultyProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    target: Mutex<SocketAddr>,
    welcome: Mutex<Welcome>,
    /// The proxy swallows connections up to this number: bytes go in and none comes out.
    swallowed_to: AtomicU64,
    /// The proxy cuts connections up to this number.
    cut_to: watch::Sender<u64>,
    accepted: AtomicU64,
    open: AtomicUsize,
    /// The delay of each piece of data, in each direction, in microseconds.
    delay: AtomicU64,
}

impl FaultyProxy {
    /// Listens on a free port of this machine and carries connections to `target`.
    ///
    /// # Errors
    /// No port is free.
    pub async fn to(target: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            target: Mutex::new(target),
            welcome: Mutex::new(Welcome::Carry),
            swallowed_to: AtomicU64::new(0),
            cut_to: watch::channel(0).0,
            accepted: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            delay: AtomicU64::new(0),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self {
            address,
            shared,
            task,
        })
    }

    /// Its address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Carries new connections to another target.
    pub fn turn_to(&self, target: SocketAddr) {
        *lock(&self.shared.target) = target;
    }

    /// Changes what happens to new connections.
    pub fn welcome(&self, welcome: Welcome) {
        *lock(&self.shared.welcome) = welcome;
    }

    /// Forgets every present connection: bytes sent on it no longer arrive, and it does not end. New connections work. Returns how many
    /// there were.
    pub fn swallow(&self) -> usize {
        let newest = self.shared.accepted.load(Ordering::SeqCst);
        self.shared.swallowed_to.store(newest, Ordering::SeqCst);
        self.shared.open.load(Ordering::SeqCst)
    }

    /// Ends every present connection.
    pub fn cut(&self) {
        let newest = self.shared.accepted.load(Ordering::SeqCst);
        self.shared.cut_to.send_replace(newest);
    }

    /// Delays every piece of data by `pause`, in each direction.
    pub fn delay(&self, pause: Duration) {
        let pause = u64::try_from(pause.as_micros()).unwrap_or(u64::MAX);
        self.shared.delay.store(pause, Ordering::SeqCst);
    }

    /// How many connections came so far.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for FaultyProxy {
    fn drop(&mut self) {
        self.task.abort();
        self.shared.cut_to.send_replace(u64::MAX);
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let number = shared.accepted.fetch_add(1, Ordering::SeqCst).saturating_add(1);
        tokio::spawn(carry(client, number, Arc::clone(&shared)));
    }
}

async fn carry(mut client: TcpStream, number: u64, shared: Arc<Shared>) {
    let welcome = *lock(&shared.welcome);
    let mut cut = shared.cut_to.subscribe();
    let is_cut = async { drop(cut.wait_for(|to| *to >= number).await) };
    let target = *lock(&shared.target);
    let work = async {
        match welcome {
            Welcome::Close => {
                // It waits until the client has spoken: a connection closed with unread bytes would be reset instead of ended.
                let mut first = [0; 512];
                let _ = client.read(&mut first).await;
                let _ = client.shutdown().await;
                let _ = client.read(&mut first).await;
            }
            Welcome::Swallow => std::future::pending().await,
            Welcome::Carry => {
                let Ok(server) = TcpStream::connect(target).await else {
                    return;
                };
                let _ = (client.set_nodelay(true), server.set_nodelay(true));
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::select! {
                    () = pump(from_client, to_server, number, &shared) => {}
                    () = pump(from_server, to_client, number, &shared) => {}
                }
            }
        }
    };
    shared.open.fetch_add(1, Ordering::SeqCst);
    tokio::select! {
        () = work => {}
        () = is_cut => {}
    }
    shared.open.fetch_sub(1, Ordering::SeqCst);
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, number: u64, shared: &Shared) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let count = match from.read(&mut buffer).await {
            Ok(count) if count > 0 => count,
            // Neither side of a forgotten connection learns that the other has gone.
            _ if is_swallowed(number, shared) => std::future::pending().await,
            _ => return,
        };
        let pause = shared.delay.load(Ordering::SeqCst);
        if pause > 0 {
            tokio::time::sleep(Duration::from_micros(pause)).await;
        }
        if is_swallowed(number, shared) {
            continue;
        }
        let Some(bytes) = buffer.get(..count) else { return };
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}

fn is_swallowed(number: u64, shared: &Shared) -> bool {
    number <= shared.swallowed_to.load(Ordering::SeqCst)
}

fn lock<T>(value: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
