//! Free ports on loopback.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::Context;

/// That many ports of 127.0.0.1 on which nobody listened a moment ago, all different. They are held together
/// while they are picked; somebody else may still take one before it is used, which the child then reports.
pub(super) fn free(count: usize) -> anyhow::Result<Vec<u16>> {
    let held: Vec<TcpListener> = (0..count)
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect::<Result<_, _>>()
        .context("no free port on 127.0.0.1")?;
    held.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn free_ports_are_all_different() {
        let mut ports = super::free(8).unwrap();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 8);
    }
}
