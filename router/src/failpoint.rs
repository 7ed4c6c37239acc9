//! Points where a test build stops on purpose (`--features failpoints`, `LACUNA_FAILPOINT=name:abort`).
//! A product build has none, and no port can set one.

/// A place on a request's way where a test may end the process.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Point {
    /// A durable operation is recorded, no shard has heard of it.
    AfterRecord,
    /// Every shard has answered, the client hasn't been.
    BeforeAnswer,
}

#[cfg(feature = "failpoints")]
pub(crate) fn reach(point: Point) {
    let name = match point {
        Point::AfterRecord => "after_record",
        Point::BeforeAnswer => "before_answer",
    };
    let wanted = std::env::var("LACUNA_FAILPOINT").unwrap_or_default();
    if wanted == format!("{name}:abort") {
        tracing::warn!(point = name, "fail point reached: the process ends");
        std::process::abort();
    }
}

#[cfg(not(feature = "failpoints"))]
pub(crate) fn reach(point: Point) {
    // Named so that both builds use the same words.
    let (Point::AfterRecord | Point::BeforeAnswer) = point;
}
