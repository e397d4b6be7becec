//! The export of a list: exactly its rows, all pages, handed out as they are read.
//!
//! Which rows those are and how they are written is `app`'s business; here is how a slow reader is
//! waited for, and what is said when it goes wrong halfway.

use app::export::ExportFormat;
use app::{Actor, App, Error, inventory};
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use store::{List, ListQuery};
use tokio_stream::wrappers::ReceiverStream;

use super::parameter;
use crate::address::{Address, list_of};
use crate::listen::READER_PATIENCE;
use crate::problem::Reply;
use crate::server::{Server, room};
use crate::session::Caller;
use crate::wire::typed;

/// Pieces of an export that may wait for a slow reader.
const MAX_WAITING_PIECES: usize = 8;

pub(crate) async fn export(
    State(server): State<Server>,
    Caller(actor): Caller,
    Path(list): Path<String>,
    RawQuery(raw): RawQuery,
) -> Reply {
    let list = list_of(&list)?;
    let mut query = Address::parse("", raw.as_deref())?.asked(list);
    query.after = None;
    let (format, kind, extension) = match parameter(raw.as_deref(), "format").as_deref() {
        None | Some("json") => (ExportFormat::Json, "application/jsonl", "jsonl"),
        Some("csv") => (ExportFormat::Csv, "text/csv; charset=utf-8", "csv"),
        Some(other) => {
            return Err(Error::invalid("format", format!("`{other}` is not json or csv")).into());
        }
    };
    let theirs = server.turns.export(actor.person())?;
    let room = room(&server.exports, "exports")?;
    // A question that is refused is a problem, not a file that ends at once.
    {
        let (actor, query) = (actor.clone(), ListQuery { limit: 1, ..query.clone() });
        server.ask(move |app| first_row(app, &actor, list, &query)).await?;
    }
    let (sender, receiver) =
        tokio::sync::mpsc::channel::<Result<Bytes, std::io::Error>>(MAX_WAITING_PIECES);
    let app = server.app.clone();
    let runtime = tokio::runtime::Handle::current();
    server.tasks.spawn_blocking(move || {
        let _held = (room, theirs);
        let send = |piece| {
            let sent = tokio::time::timeout(READER_PATIENCE, sender.send(piece));
            matches!(runtime.block_on(sent), Ok(Ok(())))
        };
        let ended = app::export::export(&app, &actor, list, &query, format, &mut |text| {
            send(Ok(Bytes::from(text)))
        });
        if let Err(error) = ended {
            tracing::warn!(code = error.code, "export: {}", error.message);
            // The connection is cut, so that nobody takes a part for the whole.
            send(Err(std::io::Error::other("the export failed")));
        }
    });
    let mut response =
        typed(StatusCode::OK, kind, Body::from_stream(ReceiverStream::new(receiver)));
    let disposition = format!("attachment; filename=\"{}.{extension}\"", list.name());
    if let Ok(value) = HeaderValue::from_str(&disposition) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

fn first_row(app: &App, actor: &Actor, list: List, query: &ListQuery) -> Result<(), Error> {
    match list {
        List::Identities => inventory::identities(app, actor, query, &[]).map(drop),
        List::Credentials => inventory::credentials(app, actor, query, &[]).map(drop),
        List::Places => inventory::places(app, actor, query, &[]).map(drop),
        List::Grants => inventory::grants(app, actor, query, &[]).map(drop),
        List::Trusts => inventory::trusts(app, actor, query, &[]).map(drop),
        List::Owners => inventory::owner_links(app, actor, query, &[]).map(drop),
        List::Policies => inventory::policies(app, actor, query, &[]).map(drop),
        List::Findings => inventory::findings(app, actor, query, &[]).map(drop),
        List::Syncs => inventory::syncs(app, actor, query, &[]).map(drop),
        List::Gaps => inventory::gaps(app, actor, query, &[]).map(drop),
    }
}
