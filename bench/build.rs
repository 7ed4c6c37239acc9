//! Compiles the part of etcd's KV interface that the peer's driver speaks.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let descriptors = protox::compile(["proto/etcd_put.proto"], ["proto"])?;
    tonic_prost_build::configure().build_server(false).compile_fds(descriptors)?;
    println!("cargo:rerun-if-changed=proto/etcd_put.proto");
    Ok(())
}
