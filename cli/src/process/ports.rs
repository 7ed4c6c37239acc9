//! Free ports on loopback.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

use anyhow::bail;
use rand::Rng;

/// Below the range from which the system takes ports for outgoing connections: a node that is restarted finds its
/// port as it left it.
const RANGE: Range<u16> = 20_000..32_000;
const TRIES: usize = 2_000;

/// That many ports of 127.0.0.1 on which nobody listened a moment ago, all different. They are held together
/// while they are picked; somebody else may still take one before it is used, which the child then reports.
pub(super) fn free(count: usize) -> anyhow::Result<Vec<u16>> {
    let (mut held, mut ports) = (Vec::new(), Vec::new());
    let mut random = rand::rng();
    for _ in 0..TRIES {
        if ports.len() == count {
            return Ok(ports);
        }
        let port = random.random_range(RANGE);
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            held.push(listener);
            ports.push(port);
        }
    }
    bail!("{count} free ports of 127.0.0.1 in {RANGE:?} could not be found. Nothing was started.")
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
