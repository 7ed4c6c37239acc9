//! Asking before something is deleted.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::bail;

/// Asks on the terminal; anything but "yes" or "y" is a no. Where nobody can be asked, `--yes` is needed.
pub(crate) fn confirm(question: &str) -> anyhow::Result<()> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        bail!(
            "{question} Nobody can be asked here (standard input is no terminal): give --yes. Nothing was changed."
        );
    }
    eprint!("{question} [yes/no] ");
    std::io::stderr().flush()?;
    let mut line = String::new();
    stdin.lock().read_line(&mut line)?;
    match line.trim().to_lowercase().as_str() {
        "yes" | "y" => Ok(()),
        _ => bail!("not confirmed. Nothing was changed."),
    }
}
