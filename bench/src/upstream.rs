//! The service behind the Workers: answers everything at once, the way the origin says who somebody is, so that what is
//! measured is the Worker in front of it.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

const BODY: &str = concat!(
    r#"{"success":true,"data":{"user":{"id":"3f2504e0-4f89-41d3-9a0c-0305e82c3301","#,
    r#""email":"ann@example.com","user_type":"user","token_balance":3}}}"#
);

/// Starts it on a free port of this machine. It ends with the program.
pub fn start() -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            thread::spawn(move || {
                let _ = serve(connection);
            });
        }
    });
    Ok(address)
}

fn serve(connection: TcpStream) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut writer = connection.try_clone()?;
    let mut reader = BufReader::new(connection);
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    let (mut line, mut body_bytes) = (String::new(), 0);
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            body_bytes = value.trim().parse().unwrap_or(0);
        }
        if line == "\r\n" {
            io::copy(&mut reader.by_ref().take(body_bytes), &mut io::sink())?;
            body_bytes = 0;
            writer.write_all(answer.as_bytes())?;
        }
    }
}
