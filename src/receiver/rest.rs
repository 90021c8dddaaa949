//! A refusal that its sender gets to read.
//!
//! A request may be refused long before its body has come. If the server answered and closed at once,
//! most clients would see a connection that broke while they were writing, and repeat for ever what
//! will never be taken. So the rest of a refused body is read and thrown away first, within bounds.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::header::EXPECT;
use axum::middleware::Next;
use axum::response::Response;
use bytes::{Buf, Bytes};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use parking_lot::Mutex;

/// Bytes of a refused body that are thrown away; a sender of more sees a broken connection.
const BYTES_MAX: usize = 256 << 20;
/// Time that this takes at most.
const TIME_MAX: Duration = Duration::from_secs(5);

/// Where a body is put that nobody read to its end.
type Rest = Arc<Mutex<Option<Body>>>;

/// Answers only once a refused request has been read.
pub(super) async fn discard(request: Request, next: Next) -> Response {
    let rest = Rest::default();
    // who waits for "100 Continue" sends nothing unless the body is asked for
    let is_sent = !request.headers().contains_key(EXPECT);
    let request = request.map(|body| Body::new(Watched { body, is_sent, rest: Arc::clone(&rest) }));
    let response = next.run(request).await;
    let left = rest.lock().take();
    if let (Some(body), true) = (left, response.status().as_u16() >= 400) {
        // whatever is left after that time is the sender's loss
        let _ = tokio::time::timeout(TIME_MAX, throw_away(body)).await;
    }
    response
}

async fn throw_away(mut body: Body) {
    let mut bytes = 0;
    while let Some(Ok(frame)) = body.frame().await {
        bytes += frame.data_ref().map_or(0, Buf::remaining);
        if bytes > BYTES_MAX {
            return;
        }
    }
}

/// A body that is not lost when its reader drops it.
struct Watched {
    body: Body,
    is_sent: bool,
    rest: Rest,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.is_sent = true;
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.is_sent && !self.body.is_end_stream() {
            *self.rest.lock() = Some(std::mem::take(&mut self.body));
        }
    }
}
