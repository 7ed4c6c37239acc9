//! Addresses: where to listen, who the nodes are, and what is refused while there are no keys.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context, bail};
use lacuna_model::NodeId;

/// Reads an address to listen on: `127.0.0.1:8000`, `[::1]:8000`, `localhost:8000`.
pub(crate) fn listen_address(text: &str) -> anyhow::Result<SocketAddr> {
    if let Some(port) = text.strip_prefix("localhost:") {
        let port = port.parse().with_context(|| format!("{text:?} has no port after \"localhost:\""))?;
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    text.parse()
        .ok()
        .with_context(|| format!("{text:?} is no address to listen on; expected ADDRESS:PORT such as 127.0.0.1:8000. Nothing was started."))
}

/// Is a key asked for?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// Yes: a root key is configured.
    On,
    /// No: everybody has every right.
    Off,
}

/// Refuses an address that others can reach where no keys are asked for, unless that was asked for (design §11).
pub(crate) fn refuse_open(address: SocketAddr, keys: Keys, insecure_open: bool) -> anyhow::Result<()> {
    if address.ip().is_loopback() || keys == Keys::On {
        return Ok(());
    }
    if !insecure_open {
        bail!(
            "{address} can be reached from other machines, and there are no keys: anybody could read and delete \
             everything. Give a root key (--root-key-file, LACUNA_ROOT_KEY), listen on 127.0.0.1, or give --insecure-open if that is really meant. Nothing was started."
        );
    }
    eprintln!(
        "WARNING: {address} can be reached from other machines and no keys are asked for: \
         anybody who reaches it may read and delete everything."
    );
    Ok(())
}

/// Reads `1=host:port,2=host:port`.
pub(crate) fn peers(text: &str) -> anyhow::Result<BTreeMap<NodeId, String>> {
    let expected = "expected 1=host:port,2=host:port,… Nothing was started.";
    let mut found = BTreeMap::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let Some((id, address)) = part.split_once('=') else { bail!("{part:?} is no node; {expected}") };
        let id: u64 = id.trim().parse().ok().with_context(|| format!("{id:?} is no node id; {expected}"))?;
        let address = address.trim();
        let port = address
            .rsplit_once(':')
            .and_then(|(host, port)| (!host.is_empty()).then(|| port.parse::<u16>().ok())?);
        match port {
            Some(port) if port > 0 => {}
            _ => bail!("{address:?} is no address of a node; {expected}"),
        }
        if id == 0 {
            bail!("a node's id is 1 or more; {expected}");
        }
        if found.insert(NodeId(id), address.to_owned()).is_some() {
            bail!("node {id} is named twice; {expected}");
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_or_refused_with_an_example() {
        assert_eq!(listen_address("localhost:80").unwrap().to_string(), "127.0.0.1:80");
        assert_eq!(listen_address("[::1]:80").unwrap().to_string(), "[::1]:80");
        for bad in ["8000", "127.0.0.1", "localhost:x", ""] {
            assert!(listen_address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_others_can_reach_needs_consent() {
        assert!(refuse_open("127.0.0.1:0".parse().unwrap(), Keys::Off, false).is_ok());
        let open = "0.0.0.0:8000".parse().unwrap();
        assert!(refuse_open(open, Keys::Off, false).unwrap_err().to_string().contains("--insecure-open"));
        assert!(refuse_open(open, Keys::Off, true).is_ok());
        assert!(refuse_open(open, Keys::On, false).is_ok());
    }

    #[test]
    fn nodes_are_read_or_refused_with_what_was_expected() {
        let found = peers("1=a:1, 2=[::1]:2,").unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[&NodeId(2)], "[::1]:2");
        for bad in ["1", "x=a:1", "1=a", "1=a:0", "1=:5", "0=a:1", "1=a:1,1=b:1"] {
            assert!(peers(bad).is_err(), "{bad}");
        }
    }
}
