//! What a request's body still holds when its answer is made.
//!
//! A refusal is often made before the body is read. A server that then answers and closes takes the client's next
//! request on that connection with it, and clients don't repeat a broken read. So the rest is read, if it is
//! short; if it isn't, the answer says that the connection closes.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, Version, header};
use hyper::body::{Frame, SizeHint};
use parking_lot::Mutex;

/// At most so much of an unread body is read, bytes.
const MOST: usize = 1 << 20;
/// And for so long.
const LONGEST: Duration = Duration::from_secs(1);

/// A body that is lent to the handler.
struct Lent(Arc<Mutex<Body>>);

/// Reads what the handler leaves.
pub(crate) struct Leftover {
    body: Option<Arc<Mutex<Body>>>,
    version: Version,
}

impl Leftover {
    /// Of a request, whose body is from now on lent.
    pub(crate) fn of(request: Request) -> (Request, Self) {
        let version = request.version();
        if request.body().is_end_stream() {
            return (request, Self { body: None, version });
        }
        let (parts, body) = request.into_parts();
        let body = Arc::new(Mutex::new(body));
        let lent = Body::new(Lent(Arc::clone(&body)));
        (Request::from_parts(parts, lent), Self { body: Some(body), version })
    }

    /// Reads the rest before the answer goes out.
    pub(crate) async fn settle(self, mut response: Response) -> Response {
        let Some(body) = self.body else { return response };
        let read = tokio::time::timeout(LONGEST, rest(&body)).await;
        if read != Ok(true) && self.version < Version::HTTP_2 {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// Was all of it read?
async fn rest(body: &Mutex<Body>) -> bool {
    let mut bytes = 0;
    loop {
        let frame = std::future::poll_fn(|context| Pin::new(&mut *body.lock()).poll_frame(context)).await;
        match frame {
            None => return true,
            Some(Err(_)) => return false,
            Some(Ok(frame)) => bytes += frame.data_ref().map_or(0, Bytes::len),
        }
        if bytes > MOST {
            return false;
        }
    }
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut *self.0.lock()).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;
    use futures::stream;

    use super::*;

    fn request(chunks: usize, end: bool) -> Request {
        let chunk = || Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 100_000]));
        let chunks = stream::iter((0..chunks).map(move |_| chunk()));
        let body = if end {
            Body::from_stream(chunks)
        } else {
            Body::from_stream(futures::StreamExt::chain(chunks, stream::pending()))
        };
        Request::new(body)
    }

    async fn closes(request: Request) -> bool {
        let (request, leftover) = Leftover::of(request);
        drop(request);
        leftover.settle("no".into_response()).await.headers().contains_key(header::CONNECTION)
    }

    #[tokio::test]
    async fn a_short_rest_is_read_and_a_long_or_endless_one_closes_the_connection() {
        assert!(!closes(request(3, true)).await);
        assert!(!closes(Request::new(Body::empty())).await);
        assert!(closes(request(20, true)).await, "2 MB");
        assert!(closes(request(1, false)).await, "it never ends");
    }

    #[tokio::test]
    async fn a_handler_reads_all_of_it() {
        let (request, leftover) = Leftover::of(request(3, true));
        let read = axum::body::to_bytes(request.into_body(), usize::MAX).await.expect("a body");
        assert_eq!(read.len(), 300_000);
        assert!(leftover.settle("yes".into_response()).await.headers().get(header::CONNECTION).is_none());
    }
}
