//! Everything the drill stands on: two servers, a proxy before each, a pooler and a load balancer before those, three origins and a load
//! balancer before them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use stack::fault::{Done, Fault, In as _};
use stack::guard::Guard;
use stack::ports::Ports;
use stack::secrets::Secrets;
use stack::service::Service;
use stack::tools::system;
use stack::{http, paths, programs};

use super::edge::{self, Google, PROJECT};
use super::node::{self, Node, ROLE};

const STEP: &str = "drill failover";

/// A proxy before a server.
pub struct Proxy {
    pub port: u16,
    control: String,
    _service: Service,
}

impl Proxy {
    fn before(guard: &Arc<Guard>, ports: &mut Ports, port: u16) -> Done<Self> {
        let control = format!("http://127.0.0.1:{}/control", ports.take("proxy", 0)?);
        let control_port = control
            .trim_end_matches("/control")
            .rsplit(':')
            .next()
            .unwrap_or_default()
            .to_owned();
        let mut command = Command::new(paths::debug_binary("faulty-proxy"));
        command
            .env("TARGET", format!("127.0.0.1:{port}"))
            .env("CONTROL_PORT", control_port);
        let mut service = Service::start(guard, "faulty-proxy", &mut command)?;
        service.wait_for_http(Duration::from_secs(20), &control)?;
        let address = http::get(&control, &[]).in_step(STEP)?.text;
        let port = address.rsplit(':').next().and_then(|port| port.parse().ok());
        Ok(Self {
            port: port.ok_or_else(|| Fault::new(STEP, "a proxy without a port"))?,
            control,
            _service: service,
        })
    }

    /// `swallow`, `cut`, `carry`, `close` or `silence`.
    pub fn tell(&self, what: &str) -> Done {
        http::post(&format!("{}/{what}", self.control), &[], &serde_json::Value::Null)
            .in_step(STEP)
            .map(drop)
    }
}

pub struct Site {
    pub nodes: [Node; 2],
    /// Which of them takes writes.
    pub primary: usize,
    pub proxies: [Proxy; 2],
    pub front: String,
    /// The edge, which calls the front.
    pub edge: String,
    pub service_key: String,
    pub google: Google,
    _edge: Service,
    origins: Vec<Option<Service>>,
    origin_ports: Vec<u16>,
    variables: Vec<(&'static str, String)>,
    pooler: Option<Service>,
    pooler_port: u16,
    /// The load balancer before the servers.
    database_balancer: Option<Service>,
    database_port: u16,
    home: PathBuf,
    guard: Arc<Guard>,
    balancer: Service,
}

impl Site {
    pub fn up() -> Done<Self> {
        let guard = Arc::new(Guard::start(None)?);
        let secrets = Secrets::make()?;
        let mut ports = Ports::any();
        let google = Google::start(&guard, &mut ports)?;
        let home = PathBuf::from(format!("/var/tmp/crossfade-failover-{}", std::process::id()));
        fs::create_dir_all(&home).in_step(STEP)?;
        node::own(&home)?;
        let mut nodes = [
            Node::new("node-a", &home, ports.take("PostgreSQL", 0)?, &guard),
            Node::new("node-b", &home, ports.take("PostgreSQL", 0)?, &guard),
        ];
        let [a, b] = &mut nodes;
        a.initialise()?;
        a.start()?;
        programs::migrate(&format!("postgres://{ROLE}@127.0.0.1:{}/postgres", a.port))?;
        attach(a, b)?;
        let proxies = [
            Proxy::before(&guard, &mut ports, a.port)?,
            Proxy::before(&guard, &mut ports, b.port)?,
        ];
        let pooler_port = ports.take("PgBouncer", 0)?;
        let database_port = ports.take("HAProxy", 0)?;
        let origin_ports = vec![
            ports.take("origin", 0)?,
            ports.take("origin", 0)?,
            ports.take("origin", 0)?,
        ];
        let front_port = ports.take("HAProxy", 0)?;
        let balancer = balancer(&guard, &home, front_port, &origin_ports)?;
        let front = format!("http://127.0.0.1:{front_port}");
        let (edge, running) = edge::start(&guard, &mut ports, &front, &google, &secrets)?;
        let mut site = Self {
            variables: vec![
                ("ENVIRONMENT", "development".to_owned()),
                ("FIREBASE_PROJECT_ID", PROJECT.to_owned()),
                (
                    "FIREBASE_AUTH_EMULATOR_HOST",
                    format!("127.0.0.1:{}", google.port),
                ),
                ("ORIGIN_ASSERTION_KEYS", secrets.assertion_keys()),
                ("INTERNAL_SERVICE_KEYS", secrets.service_keys()),
                ("DB_POOL_MAX", "8".to_owned()),
                // Longer than a planned switch-over takes: requests wait for it instead of failing.
                ("DB_POOL_ACQUIRE_MS", "2500".to_owned()),
                ("LOG_LEVEL", "info".to_owned()),
            ],
            nodes,
            primary: 0,
            proxies,
            front,
            edge,
            google,
            _edge: running,
            service_key: secrets.service,
            origins: vec![None, None, None],
            origin_ports,
            pooler: None,
            pooler_port,
            database_balancer: None,
            database_port,
            home,
            guard,
            balancer,
        };
        site.start_pooler()?;
        site.start_database_balancer()?;
        for number in 0..site.origins.len() {
            site.start_origin(number)?;
        }
        // It looks at them three times a second, and passes on nothing until it has seen one.
        let livez = format!("{}/livez", site.front);
        site.balancer.wait_for_http(Duration::from_secs(20), &livez)?;
        Ok(site)
    }

    pub const fn standby(&self) -> usize {
        1 - self.primary
    }

    pub fn origins(&self) -> usize {
        self.origins.len()
    }

    /// The standby takes over; the pooler and the load balancer are told, as whatever watches the servers would.
    pub fn promote(&mut self) -> Done {
        self.nodes[self.standby()].promote()?;
        self.primary = self.standby();
        self.write_pooler()?;
        self.write_database_balancer()?;
        tell(self.pooler.as_ref(), Signal::HUP);
        tell(self.database_balancer.as_ref(), Signal::USR2);
        Ok(())
    }

    /// Makes the other server a synchronous standby again.
    pub fn attach(&mut self) -> Done {
        let standby = self.standby();
        for what in ["carry", "cut"] {
            self.proxies[standby].tell(what)?;
        }
        let [a, b] = &mut self.nodes;
        if self.primary == 0 {
            attach(a, b)
        } else {
            attach(b, a)
        }
    }

    pub fn start_origin(&mut self, number: usize) -> Done {
        let direct = format!(
            "postgres://{ROLE}@127.0.0.1:{},127.0.0.1:{}/postgres?sslmode=disable&target_session_attrs=primary&connect_timeout=1",
            self.proxies[0].port, self.proxies[1].port
        );
        let mut variables = self.variables.clone();
        if number == 1 {
            // One address that always leads to the primary.
            let balanced = format!(
                "postgres://{ROLE}@127.0.0.1:{}/postgres?sslmode=disable&connect_timeout=1",
                self.database_port
            );
            variables.push(("DATABASE_URL", balanced));
        } else if number == 2 {
            let pooled = format!(
                "postgres://{ROLE}@127.0.0.1:{}/postgres?sslmode=disable&connect_timeout=1",
                self.pooler_port
            );
            variables.push(("DB_POOLER", "transaction".to_owned()));
            variables.push(("DATABASE_URL", pooled));
            variables.push(("MIGRATE_DATABASE_URL", direct));
        } else {
            variables.push(("DATABASE_URL", direct));
        }
        self.origins[number] = Some(programs::origin(
            &self.guard,
            self.origin_ports[number],
            &variables,
        )?);
        Ok(())
    }

    pub fn stop_origin(&mut self, number: usize, how: Signal) {
        if let Some(origin) = self.origins[number].take() {
            drop(origin.stop_by(how));
        }
    }

    pub fn stop_database_balancer(&mut self) {
        self.database_balancer = None;
    }

    pub fn start_database_balancer(&mut self) -> Done {
        self.write_database_balancer()?;
        let program = system::find("haproxy").ok_or_else(|| Fault::new(STEP, "haproxy is not installed"))?;
        let mut command = Command::new(program);
        // With a master process, which takes a new configuration without losing a connection.
        command
            .args(["-W", "-db", "-f"])
            .arg(self.home.join("database.cfg"));
        let mut service =
            Service::start(&self.guard, "haproxy-database", &mut command)?.stop_by(Signal::KILL);
        let address = format!("127.0.0.1:{}", self.database_port);
        service.wait_until(Duration::from_secs(20), || {
            std::net::TcpStream::connect(&address).is_ok()
        })?;
        self.database_balancer = Some(service);
        Ok(())
    }

    fn write_database_balancer(&self) -> Done {
        let settings = format!(
            "global\n  maxconn 500\ndefaults\n  mode tcp\n  timeout connect 1s\n  timeout client 1h\n  timeout server 1h\n  \
             timeout check 1s\nlisten database\n  bind 127.0.0.1:{}\n  default-server inter 300 fall 2 rise 1\n  \
             server primary 127.0.0.1:{} check\n",
            self.database_port, self.proxies[self.primary].port
        );
        fs::write(self.home.join("database.cfg"), settings).in_step(STEP)
    }

    pub fn stop_pooler(&mut self) {
        self.pooler = None;
    }

    pub fn start_pooler(&mut self) -> Done {
        self.write_pooler()?;
        let program =
            system::find("pgbouncer").ok_or_else(|| Fault::new(STEP, "pgbouncer is not installed"))?;
        let mut command = node::unprivileged(Command::new(program));
        command.arg(self.home.join("pgbouncer.ini"));
        let mut service = Service::start(&self.guard, "pgbouncer", &mut command)?.stop_by(Signal::KILL);
        let address = format!("127.0.0.1:{}", self.pooler_port);
        service.wait_until(Duration::from_secs(20), || {
            std::net::TcpStream::connect(&address).is_ok()
        })?;
        self.pooler = Some(service);
        Ok(())
    }

    fn write_pooler(&self) -> Done {
        let path = self.home.join("pgbouncer.ini");
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={} user={ROLE}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {}\n\
             auth_type = any\npool_mode = transaction\ndefault_pool_size = 8\nmax_client_conn = 200\nunix_socket_dir =\n\
             server_connect_timeout = 1\nserver_login_retry = 1\nquery_wait_timeout = 5\nquery_timeout = 8\n",
            self.proxies[self.primary].port, self.pooler_port
        );
        fs::write(&path, settings).in_step(STEP)?;
        node::own(&path)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        for origin in &mut self.origins {
            *origin = None;
        }
        self.pooler = None;
        self.database_balancer = None;
        for node in &mut self.nodes {
            node.stop(Signal::QUIT);
        }
        let _removed = fs::remove_dir_all(&self.home);
    }
}

/// Sends `signal` to `service`, if it runs.
fn tell(service: Option<&Service>, signal: Signal) {
    let process = service.and_then(|service| i32::try_from(service.pid()).ok());
    if let Some(process) = process.and_then(rustix::process::Pid::from_raw) {
        let _told = rustix::process::kill_process(process, signal);
    }
}

/// A fresh copy of `primary` follows it, and commits wait for it.
fn attach(primary: &mut Node, standby: &mut Node) -> Done {
    standby.copy_from(primary)?;
    standby.start()?;
    // What the copy has of its primary's settings: alone, it must not wait for anybody.
    standby.sql("ALTER SYSTEM SET synchronous_standby_names = ''")?;
    primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")?;
    primary.sql("SELECT pg_reload_conf()")?;
    primary.until(
        "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'",
        "1",
    )
}

fn balancer(guard: &Arc<Guard>, home: &Path, port: u16, origins: &[u16]) -> Done<Service> {
    let path = home.join("haproxy.cfg");
    let mut settings = format!(
        "global\n  maxconn 1000\ndefaults\n  mode http\n  timeout connect 1s\n  timeout client 30s\n  timeout server 30s\n  \
         timeout check 3s\n  option redispatch\n  retries 3\n  retry-on conn-failure\nlisten origins\n  bind 127.0.0.1:{port}\n  \
         option httpchk GET /livez\n  default-server inter 300 fall 2 rise 1\n"
    );
    for (number, port) in origins.iter().enumerate() {
        settings.push_str(&format!("  server origin{number} 127.0.0.1:{port} check\n"));
    }
    fs::write(&path, settings).in_step(STEP)?;
    let program = system::find("haproxy").ok_or_else(|| Fault::new(STEP, "haproxy is not installed"))?;
    Service::start(
        guard,
        "haproxy",
        Command::new(program).arg("-db").arg("-f").arg(&path),
    )
}
