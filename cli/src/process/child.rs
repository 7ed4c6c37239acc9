//! One child process.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

/// How long a child may take for a graceful stop.
const PATIENCE: Duration = Duration::from_secs(15);

/// A running child. Dropped, it is killed: a cluster never outlives its parent.
pub(crate) struct Process {
    /// What it is, such as `node 2`.
    pub(crate) name: String,
    /// Its process id.
    pub(crate) pid: u32,
    /// Where its output goes.
    pub(crate) log: PathBuf,
    child: Child,
}

impl Process {
    /// Starts this executable with other arguments, in a process group of its own (so that Ctrl-C on the terminal
    /// reaches only the parent, which stops its children in order). Its log grows by what it prints.
    pub(crate) fn start(name: &str, args: &[String], log: &Path) -> anyhow::Result<Self> {
        let own = std::env::current_exe().context("the path of this executable isn't known")?;
        let output = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("the log file {} can't be written", log.display()))?;
        let child = Command::new(&own)
            .args(args)
            // Children of `dev` and `demo` are tried out on loopback: without keys, whatever file and environment say.
            .env("LACUNA_ROOT_KEY", "")
            .env("LACUNA_ROOT_KEY_FILE", "")
            .args(["--die-with", &std::process::id().to_string()])
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{name} could not be started as {}", own.display()))?;
        let pid = child.id().with_context(|| format!("{name} ended at once"))?;
        Ok(Self { name: name.to_owned(), pid, log: log.to_owned(), child })
    }

    /// Has it ended by itself? Then an error with the end of its log.
    pub(crate) fn must_run(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!(
                "{} (pid {}) ended with {status}; the end of {}:\n{}",
                self.name,
                self.pid,
                self.log.display(),
                last_lines(&self.log, 15)
            ),
        }
    }

    /// SIGSTOP: it stands still, its connections stay open.
    pub(crate) fn freeze(&self) -> anyhow::Result<()> {
        self.send(Signal::STOP)
    }

    /// SIGCONT: it goes on.
    pub(crate) fn thaw(&self) -> anyhow::Result<()> {
        self.send(Signal::CONT)
    }

    /// Asks it to stop, without waiting.
    pub(crate) fn ask_to_stop(&mut self) -> anyhow::Result<()> {
        if self.child.try_wait()?.is_none() {
            self.send(Signal::TERM)?;
            self.send(Signal::CONT)?;
        }
        Ok(())
    }

    /// Waits for its end; kills it where it takes too long.
    pub(crate) async fn ended(&mut self) -> anyhow::Result<()> {
        if let Ok(status) = tokio::time::timeout(PATIENCE, self.child.wait()).await {
            status?;
            return Ok(());
        }
        tracing::warn!(name = %self.name, pid = self.pid, "did not stop in time and is killed");
        self.kill().await
    }

    /// SIGKILL, as the out-of-memory killer would.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill().await.with_context(|| format!("{} could not be killed", self.name))
    }

    fn send(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw).context("no process id")?;
        kill_process(pid, signal)
            .with_context(|| format!("{} (pid {}) can't be signalled", self.name, self.pid))
    }
}

/// Called in a child: ends it when its parent ends, however that comes about.
pub(crate) fn die_with(parent: u32) -> anyhow::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .context("the parent's end can't be watched")?;
    let now = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
    if i64::from(now) != i64::from(parent) {
        bail!("the parent process {parent} has ended already");
    }
    Ok(())
}

fn last_lines(log: &Path, count: usize) -> String {
    let text = File::open(log).ok().and_then(|file| std::io::read_to_string(file).ok()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
