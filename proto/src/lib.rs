//! The wire between processes: .proto files, generated code, and the calls nodes answer.
