//! Remote write through the whole gateway: CPU-seconds per million samples that a sink has counted.
//!
//! `cargo bench --bench gateway_metrics` starts the release binary with 1,000 rules and, if there is
//! one in the `PATH`, vmagent; sends both the same requests at full speed over loopback, A B B A, and
//! prints what each process took (utime + stime). The sink decompresses and counts what arrives.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use watchgate::codec::compression::{decompress, snappy};
use watchgate::codec::remote_write::{encode, walk};
use watchgate::limits::Limits;
use watchgate::model::labels::Labels;
use watchgate::model::sample::{Sample, StagedSamples};
use watchgate::model::signal::Encoding;
use watchgate::model::time::wall_clock;

const SERIES: usize = 1000;
/// Distinct requests in rotation; every tenth has the same series again, a second later.
const REQUESTS: usize = 1000;
const CONNECTIONS: usize = 4;
const ROUNDS: [usize; 4] = [0, 1, 1, 0];

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let requests = Arc::new((0..REQUESTS).map(request).collect::<Vec<_>>());
    let bytes: usize = requests.iter().map(Vec::len).sum();
    println!(
        "{REQUESTS} requests of {SERIES} samples, 9 labels: {} bytes a sample on the wire",
        bytes / REQUESTS / SERIES
    );
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (sink, counted) = sink();
    let mut gateways = [watchgate(dir.path(), sink), vmagent(dir.path(), sink)];
    for round in ROUNDS {
        let Some((name, child, port)) = &mut gateways[round] else { continue };
        let (before, arrived) = (cpu_seconds(child.id()), counted.load(Ordering::Acquire));
        let start = Instant::now();
        send(*port, &requests);
        let answered = start.elapsed();
        let wanted = (REQUESTS * SERIES) as u64;
        while counted.load(Ordering::Acquire) < arrived + wanted && start.elapsed() < Duration::from_secs(120) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let samples = counted.load(Ordering::Acquire) - arrived;
        println!(
            "{name:10} {:.3} CPU-s/M delivered; {samples} of {wanted} samples, answered in {:.2} s, delivered in {:.2} s",
            (cpu_seconds(child.id()) - before) / samples as f64 * 1e6,
            answered.as_secs_f64(),
            start.elapsed().as_secs_f64(),
        );
    }
    for (_, child, _) in gateways.iter_mut().flatten() {
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn request(number: usize) -> Vec<u8> {
    let mut plain = Vec::new();
    for series in 0..SERIES {
        let series = series + number % 10 * SERIES;
        let mixed = (series as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let labels = Labels::from_pairs([
            ("__name__", format!("http_server_requests_seconds_{}", series % 40)),
            ("application", "order-service".into()),
            ("instance", format!("10.{}.{}.{}:8080", mixed >> 16 & 255, mixed >> 8 & 255, mixed & 255)),
            ("job", "kubernetes-pods".into()),
            ("le", format!("{}", (series % 12) as f64 * 0.25)),
            ("method", "POST".into()),
            ("pod", format!("order-service-{:08x}", mixed >> 32)),
            ("status", "200".into()),
            ("uri", format!("/api/v1/orders/{}", series % 25)),
        ]);
        let timestamp_ms = wall_clock() - 100_000 + (number / 10) as i64 * 1000;
        let value = mixed.rotate_left(number as u32) as f64 / 7.0;
        encode([(&labels, &[Sample { timestamp_ms, value }][..])], &mut plain);
    }
    let mut packed = Vec::new();
    snappy(&plain, &mut packed).expect("less than 4 GiB");
    packed
}

/// A store that counts the samples it is sent.
fn sink() -> (u16, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let counted = Arc::new(AtomicU64::new(0));
    let total = counted.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let total = total.clone();
            std::thread::spawn(move || {
                let mut stream = BufReader::with_capacity(1 << 16, stream);
                let (mut staged, limits) = (StagedSamples::default(), Limits::default());
                while let Some(body) = read_message(&mut stream) {
                    let plain = decompress(Encoding::Snappy, &body.into(), 1 << 30);
                    if let Ok(plain) = plain
                        && let Ok(walked) = walk(plain, &limits, &mut staged)
                    {
                        total.fetch_add(walked.items.into(), Ordering::Release);
                    }
                    if stream.get_mut().write_all(b"HTTP/1.1 204 No Content\r\n\r\n").is_err() {
                        return;
                    }
                }
            });
        }
    });
    (port, counted)
}

/// Reads a request or an answer with a length; `None` at the connection's end.
fn read_message(stream: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let (mut line, mut len) = (String::new(), 0);
    loop {
        line.clear();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            len = value.trim().parse().ok()?;
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; len];
    stream.read_exact(&mut body).ok()?;
    Some(body)
}

/// Sends every request once, each connection in turn; one that is put off is sent again.
fn send(port: u16, requests: &Arc<Vec<Vec<u8>>>) {
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let stream = TcpStream::connect(("127.0.0.1", port)).expect("the gateway listens");
                stream.set_nodelay(true).expect("a socket");
                let mut stream = BufReader::new(stream);
                while let Some(body) = requests.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                    while !post(&mut stream, body) {
                        std::thread::sleep(Duration::from_millis(20));
                    }
                }
            });
        }
    });
}

fn post(stream: &mut BufReader<TcpStream>, body: &[u8]) -> bool {
    let head = format!(
        "POST /api/v1/write HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-encoding: snappy\r\n\
         x-prometheus-remote-write-version: 0.1.0\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.get_mut().write_all(&[head.as_bytes(), body].concat()).expect("the gateway reads");
    let mut status = String::new();
    stream.read_line(&mut status).expect("the gateway answers");
    read_message(stream).expect("the gateway answers");
    status.starts_with("HTTP/1.1 2")
}

type Gateway = Option<(&'static str, Child, u16)>;

fn watchgate(dir: &Path, sink: u16) -> Gateway {
    let (port, api) = (free_port(), free_port());
    let mut rules = "groups:\n- name: idle\n  rules:\n".to_owned();
    for rule in 0..1000 {
        rules += &format!("  - alert: A{rule}\n    expr: metric_that_nobody_sends_{rule} > {rule}\n");
    }
    std::fs::write(dir.join("rules.yaml"), rules).expect("a file");
    let config = format!(
        "listen: {{ ingest: 127.0.0.1:{port}, api: 127.0.0.1:{api} }}\ndata_dir: {d}/data\n\
         exporters:\n  prometheus: {{ endpoint: http://127.0.0.1:{sink}/api/v1/write }}\nrules:\n  files: [{d}/rules.yaml]\n",
        d = dir.display()
    );
    std::fs::write(dir.join("watchgate.yaml"), config).expect("a file");
    let binary = std::env::var("GATEWAY_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_watchgate").to_owned());
    let mut command = Command::new(binary);
    command.args(["serve", "--log-level", "warn", "--config"]).arg(dir.join("watchgate.yaml"));
    start("watchgate", &mut command, port)
}

fn vmagent(dir: &Path, sink: u16) -> Gateway {
    let port = free_port();
    let mut command = Command::new("vmagent");
    command
        .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
        .arg(format!("-remoteWrite.url=http://127.0.0.1:{sink}/api/v1/write"))
        .arg(format!("-remoteWrite.tmpDataPath={}/vmagent", dir.display()))
        .args(["-loggerLevel=ERROR"]);
    start("vmagent", &mut command, port)
}

fn start(name: &'static str, command: &mut Command, port: u16) -> Gateway {
    let Ok(child) = command.stdout(Stdio::null()).spawn() else {
        println!("{name} is not installed");
        return None;
    };
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if start.elapsed() > Duration::from_secs(20) {
            println!("{name} does not listen");
            return None;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Some((name, child, port))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

/// User and system time of a process, from fields 14 and 15 of its `stat` in hundredths of a second.
fn cpu_seconds(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("the gateway runs");
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    let ticks =
        |at| after_name.split(' ').nth(at).and_then(|ticks: &str| ticks.parse::<f64>().ok()).unwrap_or_default();
    (ticks(11) + ticks(12)) / 100.0
}
