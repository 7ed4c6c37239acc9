//! Starting and asking the real binary.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The binary with arguments; no settings from outside.
pub(crate) fn lacuna(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lacuna"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("LACUNA_") || name == "RUST_LOG") {
        command.env_remove(name);
    }
    command.args(args);
    command
}

/// Runs it to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    lacuna(args).stdin(Stdio::null()).output().unwrap()
}

/// Its standard output, where it must have succeeded.
pub(crate) fn stdout(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "exit {:?}: {errors}", output.status.code());
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Its standard error, where it must have failed with this status.
pub(crate) fn failure(output: &Output, code: i32) -> String {
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{errors}");
    errors
}

fn answered(request: reqwest::RequestBuilder) -> (u16, String) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    })
}

/// A server on a free port; killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) url: String,
    /// All it printed until it was ready.
    pub(crate) said: String,
}

impl Server {
    pub(crate) fn start(data_dir: &Path) -> Self {
        let dir = data_dir.to_string_lossy();
        Self::start_with(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &dir], "curl")
    }

    /// Starts it with every step traced into a file.
    pub(crate) fn start_traced(data_dir: &Path, trace: &Path) -> Self {
        let dir = data_dir.to_string_lossy();
        let mut command = lacuna(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &dir, "--log-json"]);
        command.env("RUST_LOG", "lacuna_router=trace,lacuna_node=trace,lacuna_engine=trace");
        command.stderr(std::fs::File::create(trace).unwrap());
        Self::spawned(command, "curl")
    }

    /// Starts it, and reads what it prints up to a line with `last`; its address is the first one printed.
    pub(crate) fn start_with(args: &[&str], last: &str) -> Self {
        let mut command = lacuna(args);
        command.stderr(Stdio::inherit());
        Self::spawned(command, last)
    }

    /// Starts this command, and reads the same.
    pub(crate) fn spawned(mut command: Command, last: &str) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = String::new();
        let mut url = None;
        while let Some(Ok(line)) = lines.next() {
            said.push_str(&line);
            said.push('\n');
            if url.is_none() {
                url = line
                    .split_whitespace()
                    .find(|word| word.starts_with("http://") || word.starts_with("https://"))
                    .map(|word| word.trim_end_matches(',').to_owned());
            }
            if line.contains(last) {
                break;
            }
        }
        let url = url.unwrap_or_else(|| panic!("it never said where it listens: {said}"));
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url, said }
    }

    /// A data verb on this server.
    pub(crate) fn verb(&self, args: &[&str]) -> Output {
        run(&[args, &["--url", &self.url]].concat())
    }

    /// A data verb's answer as JSON.
    pub(crate) fn json(&self, args: &[&str]) -> serde_json::Value {
        serde_json::from_str(&stdout(&self.verb(&[args, &["--json"]].concat()))).unwrap()
    }

    /// A page of a collection, as the API answers it.
    pub(crate) fn page(&self, collection: &str, body: &serde_json::Value) -> serde_json::Value {
        let url = format!("{}/v1/collections/{collection}/records/get", self.url);
        let (_, text) = answered(reqwest::Client::new().post(url).json(body));
        serde_json::from_str(&text).unwrap()
    }

    /// Status and body of a GET.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        answered(reqwest::Client::new().get(format!("{}{path}", self.url)))
    }

    /// Status and body of a POST with a key.
    pub(crate) fn post(&self, path: &str, key: &str, body: &serde_json::Value) -> (u16, serde_json::Value) {
        let request = reqwest::Client::new().post(format!("{}{path}", self.url)).bearer_auth(key).json(body);
        let (status, text) = answered(request);
        (status, serde_json::from_str(&text).unwrap())
    }

    /// SIGTERM, and its exit status.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.wait()
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn wait(&mut self) -> Option<i32> {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(20) {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("it did not stop within 20 s");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
