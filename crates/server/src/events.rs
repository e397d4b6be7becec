//! What happens, as it happens: Server-Sent Events of syncs.

use std::convert::Infallible;
use std::time::Duration;

use app::sync::{Event as Happened, What};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use tokio::sync::OwnedSemaphorePermit;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::{Stream, StreamExt};

use crate::problem::Failure;
use crate::server::{Server, room};
use crate::session::Caller;
use crate::turns::OneOfTheirs;

/// A comment this often keeps proxies from closing a quiet stream.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// A stream ends after this and the browser comes again: whoever was signed out since is then
/// refused.
const LIFETIME: Duration = Duration::from_mins(10);

struct Listener(
    Server,
    #[expect(dead_code, reason = "held until the stream ends")] (OwnedSemaphorePermit, OneOfTheirs),
);

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.metrics.listener_went();
    }
}

/// `GET /api/v1/events`. Events before the listener came are not repeated: the pages have their
/// outcome, so what is after `Last-Event-ID` and lost is only progress.
pub(crate) async fn listen(
    State(server): State<Server>,
    Caller(actor): Caller,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    let theirs = server.turns.listener(actor.person())?;
    let room = room(&server.listeners, "event streams")?;
    let last = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<u64>().ok())
        .unwrap_or(0);
    server.metrics.listener_came();
    let listener = Listener(server.clone(), (room, theirs));
    let stop = server.stop.clone();
    let events = BroadcastStream::new(server.app.syncs.listen())
        // A listener that lags has lost events; it goes on with those that come.
        .filter_map(Result::ok)
        // After a restart numbers begin anew, so only a repeated one is left out.
        .filter(move |event| event.number != last)
        .filter_map(move |event| {
            let _ = &listener;
            frame(&event)
        })
        .map(Ok);
    let until = async move { drop(tokio::time::timeout(LIFETIME, stop.cancelled()).await) };
    let mut until = Box::pin(until);
    let mut events = Box::pin(events);
    let stream = futures_until(move |context| {
        if until.as_mut().poll(context).is_ready() {
            return std::task::Poll::Ready(None);
        }
        events.as_mut().poll_next(context)
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// A stream from a poll function.
fn futures_until<T, F>(poll: F) -> Until<F>
where
    F: FnMut(&mut std::task::Context<'_>) -> std::task::Poll<Option<T>> + Unpin,
{
    Until(poll)
}

struct Until<F>(F);

impl<T, F> Stream for Until<F>
where
    F: FnMut(&mut std::task::Context<'_>) -> std::task::Poll<Option<T>> + Unpin,
{
    type Item = T;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<T>> {
        (self.0)(context)
    }
}

fn frame(event: &Happened) -> Option<Event> {
    let kind = match event.what {
        What::SyncStarted | What::SyncProgress(_) => "progress",
        What::SyncPublished { .. } | What::SyncFailed { .. } | What::Evaluated { .. } => "finished",
    };
    Event::default().id(event.number.to_string()).event(kind).json_data(event).ok()
}
