//! Speaks the HTTP API: to another machine, to the server of this data folder through its socket,
//! or, when nobody serves the folder, to the same router in this process.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use app::{Actor, App};
use axum::body::Body;
use axum::extract::Request;
use http_body_util::BodyExt;
use model::Secret;
use reqwest::Method;
use serde_json::Value;
use tower::ServiceExt;

use crate::commands::Global;
use crate::{clock, config};

/// A reply larger than this is refused; exports are streamed.
const MAX_REPLY_BYTES: usize = 256 << 20;
/// Of a reply that refuses, no more is read.
const MAX_REFUSAL_BYTES: usize = 1 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Syncs answer when they are done.
const REPLY_TIMEOUT: Duration = Duration::from_hours(6);
/// A file that holds a token is not larger than this.
const MAX_TOKEN_BYTES: u64 = 4096;

/// Where questions go.
#[derive(Debug)]
pub(crate) struct Api {
    runtime: tokio::runtime::Runtime,
    transport: Transport,
}

#[derive(Debug)]
enum Transport {
    Remote { client: reqwest::Client, base: String, token: Option<Secret<String>> },
    InProcess { router: axum::Router, actor: Actor },
}

impl Api {
    /// For questions: a data folder that is not there is a name mistyped, not an empty estate.
    pub(crate) fn ask(global: &Global) -> anyhow::Result<Self> {
        Self::open(global, true)
    }

    /// Makes the data folder where there is none.
    pub(crate) fn connect(global: &Global) -> anyhow::Result<Self> {
        Self::open(global, false)
    }

    fn open(global: &Global, must_exist: bool) -> anyhow::Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let transport = if let Some(server) = &global.server {
            remote(server, global.token_file.as_deref())?
        } else {
            let config = config::load(global.config.as_deref())?;
            let folder = config::data_folder(global.data.as_deref(), &config)?;
            if must_exist && !folder.exists() {
                bail!(
                    "there is no data folder `{}`; `tutela up` makes one, `--data` names another",
                    folder.display()
                );
            }
            local(&folder, &runtime)?
        };
        Ok(Self { runtime, transport })
    }

    pub(crate) fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send(&Method::GET, path, None)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(&Method::POST, path, Some(body))
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(&Method::PUT, path, Some(body))
    }

    pub(crate) fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.send(&Method::DELETE, path, None)
    }

    /// The reply's JSON; null when it has none.
    fn send(&self, method: &Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let mut reply = Vec::new();
        self.stream(method, path, body, &mut |piece| {
            if reply.len() + piece.len() > MAX_REPLY_BYTES {
                bail!("the reply to `{method} {path}` is larger than {MAX_REPLY_BYTES} bytes");
            }
            reply.extend_from_slice(piece);
            Ok(())
        })?;
        if reply.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&reply)
            .with_context(|| format!("reading the reply to `{method} {path}`"))
    }

    /// Hands the reply to `out` as it arrives.
    pub(crate) fn stream(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        out: &mut dyn FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.runtime.block_on(async {
            match &self.transport {
                Transport::Remote { client, base, token } => {
                    let mut request = client.request(method.clone(), format!("{base}{path}"));
                    if let Some(token) = token {
                        request = request.bearer_auth(token.reveal());
                    }
                    if let Some(body) = body {
                        request = request.json(body);
                    }
                    let reply =
                        request.send().await.with_context(|| format!("asking `{base}{path}`"))?;
                    let status = reply.status().as_u16();
                    let mut reply = reply;
                    if status >= 400 {
                        let mut body = Vec::new();
                        while let Some(piece) = reply.chunk().await?
                            && body.len() < MAX_REFUSAL_BYTES
                        {
                            body.extend_from_slice(&piece);
                        }
                        return Err(refusal(status, &body));
                    }
                    while let Some(piece) = reply.chunk().await? {
                        out(&piece)?;
                    }
                    Ok(())
                }
                Transport::InProcess { router, actor } => {
                    let json = body.map(serde_json::to_vec).transpose()?.unwrap_or_default();
                    let mut request = Request::builder().method(method.clone()).uri(path);
                    if body.is_some() {
                        request = request.header("content-type", "application/json");
                    }
                    let mut request = request.body(Body::from(json))?;
                    request.extensions_mut().insert(actor.clone());
                    let reply = router.clone().oneshot(request).await?;
                    let status = reply.status().as_u16();
                    let mut body = reply.into_body();
                    if status >= 400 {
                        return Err(refusal(status, &body.collect().await?.to_bytes()));
                    }
                    while let Some(frame) = body.frame().await {
                        if let Ok(piece) = frame?.into_data() {
                            out(&piece)?;
                        }
                    }
                    Ok(())
                }
            }
        })
    }
}

fn remote(server: &str, token_file: Option<&Path>) -> anyhow::Result<Transport> {
    let base = server.trim_end_matches('/').to_owned();
    let loopback = is_loopback(&base);
    if base.contains('@') {
        bail!("an address with a user name is not taken: `{}`", model::text::shown(server));
    }
    if !base.starts_with("https://") && !loopback {
        bail!("`{server}` is not https://; a token is sent in clear only to this machine");
    }
    let token = match token_file {
        Some(path) => Some(read_token(path)?),
        None => config::token().map(Secret::new),
    };
    if token.is_none() {
        bail!(
            "no token for `{server}`: give --token-file, or set TUTELA_TOKEN (make one in Settings)"
        );
    }
    let client = if loopback { setup().no_proxy() } else { setup() }.build();
    Ok(Transport::Remote { client: client.context("setting up HTTP")?, base, token })
}

/// Whether an address leads to this machine by itself, asking no resolver.
fn is_loopback(base: &str) -> bool {
    let Some(rest) = base.strip_prefix("http://") else { return false };
    let host = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(host, "127.0.0.1" | "localhost" | "[::1]")
}

fn read_token(path: &Path) -> anyhow::Result<Secret<String>> {
    let file = std::fs::File::open(path)
        .with_context(|| format!("opening the token file `{}`", path.display()))?;
    let stat = rustix::fs::fstat(&file)?;
    if stat.st_mode & 0o077 != 0 {
        bail!("the token file `{}` can be read by others; run `chmod 600` on it", path.display());
    }
    let mut text = String::new();
    std::io::Read::read_to_string(&mut std::io::Read::take(file, MAX_TOKEN_BYTES), &mut text)
        .with_context(|| format!("reading the token file `{}`", path.display()))?;
    Ok(Secret::new(text.trim().to_owned()))
}

/// Where the server of a data folder listens for other commands of its owner.
pub(crate) fn socket_path(folder: &Path) -> PathBuf {
    folder.join("tutela.sock")
}

/// The socket of whoever serves the folder; else the router in this process.
fn local(folder: &Path, runtime: &tokio::runtime::Runtime) -> anyhow::Result<Transport> {
    let socket = socket_path(folder);
    let answers =
        runtime.block_on(async { tokio::net::UnixStream::connect(&socket).await.is_ok() });
    if answers {
        return Ok(Transport::Remote {
            client: setup().unix_socket(socket).no_proxy().build().context("setting up HTTP")?,
            base: "http://localhost".into(),
            token: None,
        });
    }
    let app = App::open(folder.to_owned(), "a tutela command", clock::now())
        .with_context(|| format!("opening the data folder `{}`", folder.display()))?;
    app.warm()?;
    // The router starts no task before it is asked something, but may want a runtime to exist.
    let _entered = runtime.enter();
    let router = server::router::router(app, server::server::Config::in_process(clock::now));
    Ok(Transport::InProcess { router, actor: config::me() })
}

fn setup() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("tutela/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(REPLY_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
}

/// RFC 9457 problem as an error with its hint.
fn refusal(status: u16, body: &[u8]) -> anyhow::Error {
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| problem.get(name).and_then(Value::as_str);
    let message = text("detail")
        .or_else(|| text("title"))
        .map_or_else(|| format!("the server answered {status}"), str::to_owned);
    let mut error = app::Error::new(app::Kind::Invalid, "refused", message);
    error.hint = text("hint").map(str::to_owned);
    error.into()
}

/// A path with its query, every part percent-encoded (RFC 3986).
pub(crate) fn path(parts: &[&str], query: &[(&str, String)]) -> String {
    let mut path = String::from("/api/v1");
    for part in parts {
        path.push('/');
        path.push_str(&encode(part));
    }
    for (n, (name, value)) in query.iter().enumerate() {
        path.push(if n == 0 { '?' } else { '&' });
        path.push_str(name);
        path.push('=');
        path.push_str(&encode(value));
    }
    path
}

fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte as char);
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_in_clear_to_this_machine_only() {
        let check = |base: &str, expected: bool| assert_eq!(is_loopback(base), expected, "{base}");
        check("http://127.0.0.1:7878", true);
        check("http://localhost", true);
        check("http://[::1]", true);
        check("http://[::1]:7878/x", true);
        check("http://localhost.evil.example", false);
        check("http://x.localhost:7878", false);
        check("http://127.0.0.1:7878\\@evil.example", true);
        check("http://evil.example#127.0.0.1", false);
        check("https://127.0.0.1", false);
    }
}
