//! Child processes that never outlive their test, free ports, and waiting with a bound.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How often a condition is looked at while a test waits for it.
const POLL_EVERY: Duration = Duration::from_millis(25);

/// How long a process may take to end after it was asked to.
const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// Lines of a process' output that a failure shows.
const OUTPUT_LINES_SHOWN: usize = 40;

/// A program that can be started again with the same arguments; killed when dropped.
pub struct Process {
    name: String,
    command: Command,
    output: PathBuf,
    child: Option<Child>,
}

impl Process {
    /// Starts `command`; what it prints is added to a file in `folder`.
    pub fn start(name: &str, command: Command, folder: &Path) -> Self {
        let output = folder.join(format!("{name}.output"));
        let mut process = Self { name: name.to_owned(), command, output, child: None };
        process.start_again();
        process
    }

    /// Starts the program once more, after [`kill`](Self::kill) or [`stop`](Self::stop).
    pub fn start_again(&mut self) {
        assert!(self.child.is_none(), "{} is running", self.name);
        let output = File::options().create(true).append(true).open(&self.output).expect("an output file");
        let errors = output.try_clone().expect("a second handle");
        let child = self.command.stdin(Stdio::piped()).stdout(output).stderr(errors).spawn();
        self.child = Some(child.unwrap_or_else(|error| panic!("{} does not start: {error}", self.name)));
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Asks it to end (`SIGTERM`) and waits.
    pub fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let asked_to = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status();
        assert!(asked_to.is_ok_and(|status| status.success()), "kill -TERM failed");
        let asked = Instant::now();
        while child.try_wait().expect("a child of ours").is_none() {
            if asked.elapsed() > STOP_PATIENCE {
                let _ = child.kill();
                let _ = child.wait();
                panic!("{} did not end within {STOP_PATIENCE:?} of SIGTERM\n{}", self.name, self.output());
            }
            std::thread::sleep(POLL_EVERY);
        }
    }

    /// Panics with what it printed if it has ended by itself.
    pub fn must_run(&mut self) {
        if let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().expect("a child of ours")) {
            panic!("{} ended by itself with {status}\n{}", self.name, self.output());
        }
    }

    /// The most memory it ever had in use, in bytes.
    pub fn resident_max(&self) -> u64 {
        let id = self.child.as_ref().expect("it runs").id();
        let status = fs::read_to_string(format!("/proc/{id}/status")).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a high-water mark");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
    }

    /// Sends it the signal of this name; it goes on.
    pub fn signal(&self, name: &str) {
        let id = self.child.as_ref().expect("it runs").id().to_string();
        let sent = Command::new("kill").arg(format!("-{name}")).arg(id).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill -{name} failed");
    }

    /// Everything it printed.
    pub fn printed(&self) -> String {
        fs::read(&self.output).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// The end of what it printed, for failures.
    pub fn output(&self) -> String {
        let text = fs::read(&self.output).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(OUTPUT_LINES_SHOWN)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port of the loopback interface that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// Looks until `check` answers something; panics, naming `what`, when `patience` is over.
pub async fn until<T>(what: &str, patience: Duration, mut check: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(started.elapsed() < patience, "waited {patience:?} in vain: {what}");
        tokio::time::sleep(POLL_EVERY).await;
    }
}
