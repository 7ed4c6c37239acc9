//! `lacuna cluster cert`, and the certificates that `lacuna cluster init` makes.
//!
//! In the directory lie `ca.pem` and `ca.key`, and for each process a directory with what it needs: `ca.pem`,
//! `cert.pem`, `key.pem`. Only those are taken to its machine; `ca.key` stays where no node is.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::ValueEnum;
use lacuna_model::NodeId;
use lacuna_proto::tls::authority::{Authority, Issued};
use lacuna_proto::tls::cluster::{AUTHORITY_FILE, CERTIFICATE_FILE, KEY_FILE};
use lacuna_proto::tls::files::PemFile;
use lacuna_proto::tls::identity::Identity;

/// The authority's private key.
const AUTHORITY_KEY_FILE: &str = "ca.key";
/// How long an authority is valid.
const AUTHORITY_DAYS: u32 = 3_650;

/// What a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Role {
    /// It keeps replicas.
    Node,
    /// It serves clients.
    Router,
}

impl Role {
    fn identity(self, id: u64) -> Identity {
        match self {
            Self::Node => Identity::Node(NodeId(id)),
            Self::Router => Identity::Router(id),
        }
    }
}

/// Where a process's files are made: `node-3`, `router-1`.
pub(super) fn directory(certs: &Path, identity: Identity) -> PathBuf {
    certs.join(match identity {
        Identity::Node(NodeId(id)) => format!("node-{id}"),
        Identity::Router(id) => format!("router-{id}"),
    })
}

fn days(days: u32) -> Duration {
    Duration::from_secs(u64::from(days) * 86_400)
}

/// Files that are to be written, all of them secret.
pub(super) type Files = Vec<(PathBuf, String)>;

/// A new authority's files, and those of the cluster's first processes. Nothing is written yet.
pub(super) fn new_cluster(certs: &Path, processes: &[Identity], valid_days: u32) -> anyhow::Result<Files> {
    let authority = Authority::make(days(AUTHORITY_DAYS))?;
    let own = authority.own();
    let mut files = vec![
        (certs.join(AUTHORITY_FILE), own.certificate.clone()),
        (certs.join(AUTHORITY_KEY_FILE), own.key.clone()),
    ];
    for identity in processes {
        let issued = authority.issue(*identity, days(valid_days))?;
        files.extend(process(&directory(certs, *identity), &own.certificate, issued));
    }
    Ok(files)
}

fn process(dir: &Path, authority: &str, issued: Issued) -> Files {
    // The key before the certificate: a process that reads them meanwhile keeps what it has until both are there.
    vec![
        (dir.join(AUTHORITY_FILE), authority.to_owned()),
        (dir.join(KEY_FILE), issued.key),
        (dir.join(CERTIFICATE_FILE), issued.certificate),
    ]
}

/// Flags of `lacuna cluster cert`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct CertArgs {
    /// What the process is.
    #[arg(long)]
    role: Role,
    /// The node's id; a router's is any number, to tell routers apart in logs.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    id: u64,
    /// The directory with ca.pem and ca.key; the process's files go into a directory in it.
    #[arg(long, default_value = "./certs", value_name = "DIR")]
    certs: PathBuf,
    /// For how many days the certificate is valid.
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    days: u32,
    /// Replace the process's files if there are any.
    #[arg(long)]
    renew: bool,
}

/// Issues a certificate.
pub(super) fn issue(args: &CertArgs) -> anyhow::Result<()> {
    let read = |name: &str| PemFile::read(&args.certs.join(name));
    let nothing = |error| anyhow!("{error}. Nothing was written.");
    let certificate = read(AUTHORITY_FILE).map_err(nothing)?;
    let key = read(AUTHORITY_KEY_FILE).map_err(nothing)?;
    let authority = Authority::load(&certificate, &key).map_err(nothing)?;
    let identity = args.role.identity(args.id);
    let issued = authority.issue(identity, days(args.days))?;
    let files = process(&directory(&args.certs, identity), &authority.own().certificate, issued);
    if !args.renew {
        refuse_existing(&files)?;
    }
    write(files)
}

/// Nothing is overwritten.
pub(super) fn refuse_existing(files: &Files) -> anyhow::Result<()> {
    match files.iter().find(|(path, _)| path.exists()) {
        Some((path, _)) => bail!("{} exists and is not overwritten. Nothing was written.", path.display()),
        None => Ok(()),
    }
}

/// Writes files that only their owner may read, in directories that only he may enter. Each appears whole.
pub(super) fn write(files: Files) -> anyhow::Result<()> {
    for (path, text) in files {
        write_one(&path, &text).with_context(|| format!("{} can't be written", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}

fn write_one(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
    let new = path.with_extension("new");
    // One that was left by an interrupted run; its permissions are not known.
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use lacuna_proto::tls::cluster::{Holder, Security};

    use super::*;

    fn args(certs: &Path, role: Role, id: u64) -> CertArgs {
        CertArgs { role, id, certs: certs.to_owned(), days: 30, renew: false }
    }

    #[tokio::test]
    async fn what_is_made_is_usable_by_its_holder_and_readable_by_nobody_else() {
        let dir = tempfile::tempdir().unwrap();
        let certs = dir.path().join("certs");
        let node = Identity::Node(NodeId(1));
        write(new_cluster(&certs, &[node], 365).unwrap()).unwrap();
        issue(&args(&certs, Role::Router, 7)).unwrap();
        let first = directory(&certs, node);
        assert!(Security::read(Some(&first), Holder::Node(NodeId(1))).is_ok());
        assert!(Security::read(Some(&first), Holder::Node(NodeId(2))).is_err());
        assert!(Security::read(Some(&first), Holder::Router).is_err());
        assert!(Security::read(Some(&certs.join("router-7")), Holder::Router).is_ok());
        let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for name in ["ca.pem", "ca.key", "node-1/ca.pem", "node-1/cert.pem", "node-1/key.pem"] {
            assert_eq!(mode(certs.join(name)), 0o600, "{name}");
        }
        assert_eq!((mode(certs.clone()), mode(first)), (0o700, 0o700));
    }

    #[test]
    fn a_certificate_is_replaced_only_when_that_is_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let certs = dir.path().join("certs");
        write(new_cluster(&certs, &[Identity::Node(NodeId(1))], 365).unwrap()).unwrap();
        let key = || std::fs::read_to_string(certs.join("node-1/key.pem")).unwrap();
        let first = key();
        let refused = issue(&args(&certs, Role::Node, 1)).unwrap_err().to_string();
        assert!(refused.contains("not overwritten") && key() == first, "{refused}");
        issue(&CertArgs { renew: true, ..args(&certs, Role::Node, 1) }).unwrap();
        assert_ne!(key(), first);
    }

    #[test]
    fn an_authority_without_its_key_or_with_another_ones_issues_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (certs, other) = (dir.path().join("certs"), dir.path().join("other"));
        write(new_cluster(&certs, &[], 365).unwrap()).unwrap();
        write(new_cluster(&other, &[], 365).unwrap()).unwrap();
        std::fs::copy(other.join("ca.key"), certs.join("ca.key")).unwrap();
        let refused = issue(&args(&certs, Role::Node, 1)).unwrap_err().to_string();
        assert!(refused.contains("ca.key") && refused.contains("Nothing was written"), "{refused}");
        std::fs::remove_file(certs.join("ca.key")).unwrap();
        let refused = issue(&args(&certs, Role::Node, 1)).unwrap_err().to_string();
        assert!(refused.contains("ca.key") && refused.contains("Nothing was written"), "{refused}");
        assert!(!certs.join("node-1").exists());
    }
}
