//! Certificates between processes: who is let in, over real sockets.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lacuna_model::catalog::NodeInfo;
use lacuna_model::{NodeId, ShardId};
use lacuna_node::{Node, NodeConfig, NodeStartError};
use lacuna_proto::call::{CallError, NodeCall, NodeReply};
use lacuna_proto::handle::NodeHandle;
use lacuna_proto::remote::{RemoteNode, endpoint};
use lacuna_proto::tls::authority::{Authority, Issued};
use lacuna_proto::tls::cluster::{Holder, Security};
use lacuna_proto::tls::identity::Identity;
use lacuna_proto::wire::GroupFrame;
use lacuna_proto::wire::raft_client::RaftClient;
use rustls::ClientConfig;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::cluster::Cluster;
use crate::support::*;
use crate::trusting::Trusting;

const SHARD: ShardId = ShardId(0);
const LONG: Duration = Duration::from_secs(3_600);
const FIRST_NODE: Identity = Identity::Node(NodeId(1));
const ROUTER: Identity = Identity::Router(1);

/// An authority, and directories as processes get them.
struct Certs {
    dir: TempDir,
    authority: Authority,
}

impl Certs {
    fn make() -> Self {
        Self { dir: TempDir::new().unwrap(), authority: Authority::make(LONG).unwrap() }
    }

    fn own(&self) -> &str {
        &self.authority.own().certificate
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a directory with a certificate that is valid for so long.
    fn give(&self, name: &str, identity: Identity, valid: Duration) -> PathBuf {
        put(&self.path(name), self.own(), &self.authority.issue(identity, valid).unwrap());
        self.path(name)
    }

    /// A caller with a certificate of this authority.
    fn caller(&self, identity: Identity) -> Security {
        let dir = self.give("caller", identity, LONG);
        Security::read(Some(&dir), holder(identity)).unwrap()
    }

    async fn node(&self) -> (TempDir, Arc<Node>) {
        let data = TempDir::new().unwrap();
        let certs = Some(self.give("node-1", FIRST_NODE, LONG));
        let node = Node::start(NodeConfig { certs, ..config(data.path(), 1) }).await.unwrap();
        ready(&node).await;
        (data, node)
    }
}

fn holder(identity: Identity) -> Holder {
    match identity {
        Identity::Node(id) => Holder::Node(id),
        Identity::Router(_) => Holder::Router,
    }
}

fn put(dir: &Path, authority: &str, issued: &Issued) {
    std::fs::create_dir_all(dir).unwrap();
    std::fs::write(dir.join("ca.pem"), authority).unwrap();
    std::fs::write(dir.join("key.pem"), &issued.key).unwrap();
    std::fs::write(dir.join("cert.pem"), &issued.certificate).unwrap();
}

async fn called(node: &Node, security: &Security) -> Result<NodeReply, CallError> {
    remote(node, security).call(NodeCall::Ping, Duration::from_secs(3)).await
}

/// The call was certainly not made, and the reason is told.
fn certainly_not(answer: Result<NodeReply, CallError>, word: &str) {
    match answer {
        Err(CallError::Unreachable(why)) => assert!(why.contains(word), "{why}"),
        other => panic!("{other:?}"),
    }
}

fn three(certs: &Certs) -> NodeConfig {
    for id in 1..=3 {
        certs.give(&format!("node-{id}"), Identity::Node(NodeId(id)), LONG);
    }
    let certs = Some(certs.dir.path().to_owned());
    NodeConfig { shards: 1, replicas: 3, balance_ms: 0, certs, ..NodeConfig::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_over_tls_replicate_delete_and_read_without_waiting_for_packets() {
    let certs = Certs::make();
    let mut cluster = Cluster::start(3, three(&certs)).await;
    let pong = ping(cluster.nodes[&1].as_ref()).await;
    for number in 0..20 {
        cluster.write(SHARD, vec![upsert(&pong, &format!("a{number}"), &id(number))]).await;
    }
    for number in 0..5 {
        cluster.write(SHARD, vec![delete(&pong, &format!("b{number}"), &id(number))]).await;
    }
    let leader = cluster.leader(SHARD).await;
    let router = remote(&cluster.nodes[&leader], &certs.caller(ROUTER));
    assert_eq!(count(&router, SHARD).await, Ok(15));
    assert_eq!(get(&router, SHARD, &[id(0), id(7)]).await, Ok(1));
    // A packet that waits for its fellow costs 40 ms (TCP_NODELAY not set on one side).
    let mut times = Vec::new();
    for _ in 0..40 {
        let began = Instant::now();
        ping(&router).await;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    assert!(times[20] < Duration::from_millis(30), "{times:?}");

    cluster.stop(leader).await;
    cluster.write(SHARD, vec![delete(&pong, "c", &id(10))]).await;
    cluster.restart(leader).await;
    let digests = cluster.digests(SHARD).await;
    assert!(digests.iter().all(|digest| *digest == digests[0] && digest.live == 14), "{digests:?}");
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_cluster_moves_to_a_new_authority_without_a_stop() {
    let (old, new) = (Certs::make(), Certs::make());
    let mut cluster = Cluster::start(3, three(&old)).await;
    let pong = ping(cluster.nodes[&1].as_ref()).await;
    let noticed = async || tokio::time::sleep(Duration::from_millis(2_500)).await;
    let each = |file: &str, text: &dyn Fn(u64) -> String| {
        for id in 1..=3 {
            std::fs::write(old.path(&format!("node-{id}")).join(file), text(id)).unwrap();
        }
    };
    each("ca.pem", &|_| format!("{}{}", old.own(), new.own()));
    noticed().await;
    for id in 1..=3 {
        let issued = new.authority.issue(Identity::Node(NodeId(id)), LONG).unwrap();
        // The moment between the two files, in which they don't fit, is passed over.
        std::fs::write(old.path(&format!("node-{id}")).join("key.pem"), &issued.key).unwrap();
        tokio::time::sleep(Duration::from_millis(if id == 1 { 1_500 } else { 0 })).await;
        std::fs::write(old.path(&format!("node-{id}")).join("cert.pem"), &issued.certificate).unwrap();
    }
    noticed().await;
    each("ca.pem", &|_| new.own().to_owned());
    noticed().await;
    cluster.stop(3).await;
    cluster.write(SHARD, vec![upsert(&pong, "a", &id(0))]).await;
    cluster.restart(3).await;
    cluster.ready().await;
    let digests = cluster.digests(SHARD).await;
    assert!(digests.iter().all(|digest| *digest == digests[0] && digest.live == 1), "{digests:?}");
    let node = &cluster.nodes[&1];
    assert!(called(node, &new.caller(ROUTER)).await.is_ok());
    certainly_not(called(node, &old.caller(ROUTER)).await, "certificate");
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_of_another_authority_is_refused_by_both_sides() {
    let (own, other) = (Certs::make(), Certs::make());
    let (_data, node) = own.node().await;
    assert!(called(&node, &own.caller(ROUTER)).await.is_ok());
    // The caller doesn't trust the node.
    certainly_not(called(&node, &other.caller(ROUTER)).await, "invalid peer certificate");
    // The caller trusts both authorities, so it is the node that refuses.
    let dir = other.path("both");
    let both = format!("{}{}", own.own(), other.own());
    put(&dir, &both, &other.authority.issue(ROUTER, LONG).unwrap());
    let security = Security::read(Some(&dir), Holder::Router).unwrap();
    certainly_not(called(&node, &security).await, "alert");
    node.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_is_refused_by_both_sides_and_at_the_start() {
    let certs = Certs::make();
    let (_data, node) = certs.node().await;
    let dir = certs.give("short", ROUTER, Duration::from_secs(2));
    let short = Security::read(Some(&dir), Holder::Router).unwrap();
    assert!(called(&node, &short).await.is_ok());
    let data = TempDir::new().unwrap();
    let passing = Some(certs.give("passing", FIRST_NODE, Duration::from_secs(2)));
    let passing = Node::start(NodeConfig { certs: passing, ..config(data.path(), 1) }).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    certainly_not(called(&node, &short).await, "alert");
    certainly_not(called(&passing, &certs.caller(ROUTER)).await, "expired");
    let refused = Security::read(Some(&dir), Holder::Router).unwrap_err().to_string();
    assert!(refused.contains("cert.pem") && refused.contains("expired"), "{refused}");
    passing.shutdown().await.unwrap();
    node.shutdown().await.unwrap();
}

/// What a node says to a message of Raft from this caller.
async fn raft_says(node: &Node, security: &Security) -> tonic::Status {
    let endpoint = endpoint(&info(node), security).unwrap();
    let mut client = RaftClient::new(security.connect_lazy(&endpoint, node.id()));
    let frame = GroupFrame { version: 1, group: 77, ..GroupFrame::default() };
    client.unary(frame).await.unwrap_err()
}

/// A directory with a certificate of the authority that names this instead of a role.
fn give_name(certs: &Certs, uri: &str) -> PathBuf {
    let own = certs.authority.own();
    let mut issuer = rcgen::CertificateParams::default();
    issuer.distinguished_name.push(rcgen::DnType::CommonName, "Lacuna cluster CA");
    let issuer = rcgen::Issuer::new(issuer, rcgen::KeyPair::from_pem(&own.key).unwrap());
    let mut params = rcgen::CertificateParams::default();
    params.subject_alt_names = vec![rcgen::SanType::URI(uri.try_into().unwrap())];
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap().pem();
    put(&certs.path("named"), &own.certificate, &Issued { certificate, key: key.serialize_pem() });
    certs.path("named")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_role_is_refused_for_raft_for_calls_and_as_a_node() {
    let certs = Certs::make();
    let (data, node) = certs.node().await;
    // A router may call, and has no part in Raft; a node has.
    let router = certs.caller(ROUTER);
    assert!(called(&node, &router).await.is_ok());
    let said = raft_says(&node, &router).await;
    assert_eq!(said.code(), tonic::Code::PermissionDenied, "{said:?}");
    let said = raft_says(&node, &certs.caller(Identity::Node(NodeId(2)))).await;
    assert_eq!(said.code(), tonic::Code::NotFound, "{said:?}");
    // Another node at this one's address.
    let second = NodeInfo { id: NodeId(2), address: node.address().to_string() };
    let answer = RemoteNode::new(&second, &router).unwrap().call(NodeCall::Ping, SECOND).await;
    certainly_not(answer, "lacuna://node/1 answers where lacuna://node/2 was called");
    // A role that there is not: a process that doesn't check itself is refused by the node.
    let named = give_name(&certs, "lacuna://admin/1");
    let refused = Security::read(Some(&named), Holder::Router).unwrap_err().to_string();
    assert!(refused.contains("lacuna://admin/1"), "{refused}");
    let mut stream = unchecked(&node, Some(&named)).await.unwrap();
    assert!(stream.read_u8().await.unwrap_err().to_string().contains("alert"));
    // Nobody starts as a node by a router's certificate, or another node's.
    for identity in [ROUTER, Identity::Node(NodeId(2))] {
        let wrong = Some(certs.give("wrong", identity, LONG));
        let refused = Node::start(NodeConfig { certs: wrong, ..config(data.path(), 1) }).await;
        assert!(matches!(&refused, Err(NodeStartError::Certificates(_))), "{refused:?}");
        let said = refused.unwrap_err().to_string();
        assert!(said.contains(&identity.to_string()) && said.contains("lacuna://node/1"), "{said}");
    }
    node.shutdown().await.unwrap();
}

/// A TLS connection by a caller that checks nothing, with a directory's certificate or none.
async fn unchecked(
    node: &Node,
    dir: Option<&Path>,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Trusting(provider)));
    let mut config = match dir {
        None => builder.with_no_client_auth(),
        Some(dir) => {
            let certificate = CertificateDer::from_pem_file(dir.join("cert.pem")).unwrap();
            let key = PrivateKeyDer::from_pem_file(dir.join("key.pem")).unwrap();
            builder.with_client_auth_cert(vec![certificate], key).unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TcpStream::connect(node.address()).await?;
    TlsConnector::from(Arc::new(config)).connect("node-1".try_into().unwrap(), stream).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_without_a_certificate_is_refused() {
    let certs = Certs::make();
    let (_data, node) = certs.node().await;
    let mut stream = unchecked(&node, None).await.unwrap();
    let said = stream.read_u8().await.unwrap_err().to_string();
    assert!(said.contains("CertificateRequired"), "{said}");
    // The same with a certificate is taken.
    let mut stream = unchecked(&node, Some(&certs.give("caller", ROUTER, LONG))).await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'+');
    node.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_text_is_refused_where_certificates_are_asked_for_and_the_reverse() {
    let certs = Certs::make();
    let (_data, node) = certs.node().await;
    let answer = called(&node, &Security::Loopback).await;
    assert!(matches!(answer, Err(CallError::Unreachable(_) | CallError::Lost(_))), "{answer:?}");
    let mut stream = TcpStream::connect(node.address()).await.unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut said = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut said)).await.unwrap();
    // A TLS alert at most; no frame of HTTP/2.
    assert!(said.is_empty() || said[0] == 0x15, "{said:?}");
    node.shutdown().await.unwrap();

    let data = TempDir::new().unwrap();
    let plain = Node::start(config(data.path(), 1)).await.unwrap();
    assert!(called(&plain, &Security::Loopback).await.is_ok());
    certainly_not(called(&plain, &certs.caller(ROUTER)).await, "");
    plain.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_certificates_a_node_neither_listens_nor_calls_beyond_loopback() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let open = NodeConfig { listen: "0.0.0.0:0".parse().unwrap(), ..config(&data, 1) };
    let own = NodeInfo { id: NodeId(1), address: "127.0.0.1:1".to_owned() };
    let far = NodeInfo { id: NodeId(2), address: "10.0.0.2:7001".to_owned() };
    let spread = NodeConfig { initial_nodes: vec![own, far.clone()], ..config(&data, 1) };
    for (config, address) in [(open.clone(), "0.0.0.0:0"), (spread, "10.0.0.2:7001")] {
        let refused = Node::start(config).await;
        assert!(matches!(&refused, Err(NodeStartError::PlainText(_))), "{refused:?}");
        let said = refused.unwrap_err().to_string();
        for word in [address, "lacuna cluster init", "--certs", "Nothing was started"] {
            assert!(said.contains(word), "{said}");
        }
    }
    assert!(!data.exists());
    assert!(RemoteNode::new(&far, &Security::Loopback).is_err());
    // With certificates it listens there.
    let certs = Certs::make();
    let certs_dir = Some(certs.give("node-1", FIRST_NODE, LONG));
    let node = Node::start(NodeConfig { certs: certs_dir, ..open }).await.unwrap();
    let here = NodeInfo { id: NodeId(1), address: format!("127.0.0.1:{}", node.address().port()) };
    let caller = RemoteNode::new(&here, &certs.caller(ROUTER)).unwrap();
    assert!(caller.call(NodeCall::Ping, SECOND).await.is_ok());
    node.shutdown().await.unwrap();
}
