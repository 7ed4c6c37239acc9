//! HTTP in, gRPC out: surfaces, verbs, plan, fan-out and merge.
