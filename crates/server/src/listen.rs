//! Listening: on loopback for browsers, on a Unix socket for other commands of the same person.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use app::{Actor, App};
use axum::Router;
use axum::extract::Request;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use model::Time;
use rustix::fs::Mode;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::router::with_state;
use crate::server::{Config, Server};

/// A reader that takes nothing of an answer for so long has gone.
pub const READER_PATIENCE: Duration = Duration::from_mins(1);
/// A request's head must be there within this.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// The size of a request's head.
pub const MAX_HEAD_BYTES: usize = 64 * 1024;
/// Open connections over TCP; more wait in the kernel's queue.
pub const MAX_CONNECTIONS: usize = 512;
/// The same of the socket, apart: whoever fills the one keeps nobody out of the other.
pub const MAX_SOCKET_CONNECTIONS: usize = 64;
/// How long a stop waits for replies that are under way.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// Wait after a connection could not be taken: file descriptors may have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How often a free port is looked for whose neighbour on the other loopback address is free too.
const FREE_PORT_TRIES: u32 = 16;
/// The port of `http` that addresses do not name.
const USUAL_PORT: u16 = 80;

/// Where to listen.
#[derive(Debug, Clone)]
pub struct ServeConfig {
    /// Port 0: any free one.
    pub address: SocketAddr,
    /// An address that other machines reach is refused unless this is set.
    pub allow_remote: bool,
    /// In a folder that only its owner may enter.
    pub socket: Option<PathBuf>,
    /// Further names this is reached by, such as `tutela.example.org`.
    pub host_names: Vec<String>,
    /// Whether those names are reached over TLS, by a proxy.
    pub https: bool,
    pub clock: fn() -> Time,
}

/// A server that has its addresses and takes no request yet.
#[derive(Debug)]
pub struct Bound {
    server: Server,
    tcp: TcpListener,
    /// The same port of the other loopback address.
    other: Option<TcpListener>,
    socket: Option<(UnixListener, PathBuf)>,
    address: SocketAddr,
}

/// Takes the addresses. Other processes can connect from here on; they are answered by
/// [`Bound::serve`].
pub async fn bind(app: App, config: ServeConfig) -> anyhow::Result<Bound> {
    let ServeConfig { address, allow_remote, socket, host_names, https, clock } = config;
    if !address.ip().is_loopback() && !allow_remote {
        bail!(
            "{address} can be reached from other machines; Tutela listens there only with `--allow-remote`, \
             and then wants a TLS proxy in front of it"
        );
    }
    let (tcp, other) = bind_tcp(address).await?;
    let address = tcp.local_addr()?;
    let socket =
        socket.map(|path| Ok::<_, anyhow::Error>((bind_socket(&path)?, path))).transpose()?;
    // A name below `localhost` leads to the usual loopback addresses only.
    let has_home = other_loopback(address.ip()).is_some() && !https;
    let name = if has_home { Some(app::people::browser_name(&app)?) } else { None };
    if has_home {
        app::people::end_all_sessions(&app)?;
    }
    let config = Config { https, ..names(clock, address, &host_names, name.as_deref()) };
    let server = Server::new(app, config, CancellationToken::new());
    Ok(Bound { server, tcp, other, socket, address })
}

/// The other of the two usual loopback addresses.
fn other_loopback(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(Ipv4Addr::LOCALHOST) => Some(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V6(Ipv6Addr::LOCALHOST) => Some(Ipv4Addr::LOCALHOST.into()),
        _ => None,
    }
}

/// The listener, and on loopback a second one at the same port of the other address: a browser that
/// is sent to a name below `localhost` tries both, and must find nobody else there.
async fn bind_tcp(address: SocketAddr) -> anyhow::Result<(TcpListener, Option<TcpListener>)> {
    let mut tries = if address.port() == 0 { FREE_PORT_TRIES } else { 1 };
    loop {
        tries -= 1;
        let tcp = TcpListener::bind(address)
            .await
            .with_context(|| format!("listening on {address}; choose another with `--listen`"))?;
        let Some(ip) = other_loopback(address.ip()) else { return Ok((tcp, None)) };
        let beside = SocketAddr::new(ip, tcp.local_addr()?.port());
        match TcpListener::bind(beside).await {
            Ok(other) => return Ok((tcp, Some(other))),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries > 0 => {}
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => bail!(
                "another program listens on {beside}, where a browser could take it for Tutela; \
                 choose another port with `--listen`"
            ),
            // This machine has no such address.
            Err(_) => return Ok((tcp, None)),
        }
    }
}

/// Listens and answers until `shutdown` is cancelled.
pub async fn serve(
    app: App,
    config: ServeConfig,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    bind(app, config).await?.serve(shutdown).await
}

/// The values of `Host` that mean this server. Any other may be a name that somebody else made
/// lead here (DNS rebinding). With a name of its own, sessions are kept there and at the names that
/// were configured, and not at bare loopback addresses.
fn names(
    clock: fn() -> Time,
    address: SocketAddr,
    configured: &[String],
    name: Option<&str>,
) -> Config {
    let port = address.port();
    let with_port = |name: &str| {
        let name = name.to_ascii_lowercase();
        // Browsers leave the usual port out.
        let usual = (port == USUAL_PORT).then(|| name.clone());
        usual.into_iter().chain([format!("{name}:{port}")])
    };
    let mut bare: BTreeSet<String> =
        ["127.0.0.1", "localhost", "[::1]"].into_iter().flat_map(with_port).collect();
    if !address.ip().is_unspecified() {
        bare.insert(address.to_string());
    }
    let mut named: BTreeSet<String> = configured.iter().flat_map(|name| with_port(name)).collect();
    named.extend(configured.iter().map(|name| name.to_ascii_lowercase()));
    named.extend(name.into_iter().flat_map(with_port));
    let hosts = bare.union(&named).cloned().collect();
    bare.retain(|host| name.is_some() && !named.contains(host));
    let home = name.map(|name| format!("{name}:{port}"));
    Config { hosts, bare, home, ..Config::in_process(clock) }
}

/// A socket that only its owner can open. A stale one is replaced; one that answers is not.
fn bind_socket(path: &Path) -> anyhow::Result<UnixListener> {
    let folder = path.parent().with_context(|| format!("`{}` has no folder", path.display()))?;
    if !folder.exists() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let meta = std::fs::metadata(folder)?;
    if meta.uid() != rustix::process::geteuid().as_raw() || meta.mode() & 0o077 != 0 {
        bail!("others may enter `{}`; run `chmod 700` on it", folder.display());
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => bail!("another Tutela answers at `{}`; stop it first", path.display()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(_) => std::fs::remove_file(path)
            .with_context(|| format!("removing the stale socket `{}`", path.display()))?,
    }
    let listener =
        UnixListener::bind(path).with_context(|| format!("listening at `{}`", path.display()))?;
    rustix::fs::chmod(path, Mode::RUSR | Mode::WUSR)?;
    Ok(listener)
}

impl Bound {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a person opens in a browser on this machine.
    pub fn browser_address(&self) -> String {
        match &self.server.config.home {
            Some(home) => format!("http://{home}"),
            None => format!("http://{}", self.address),
        }
    }

    /// Answers until `shutdown` is cancelled; then ends event streams and waits for the rest.
    pub async fn serve(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let Self { server, tcp, other, socket, address: _ } = self;
        let router = with_state(&server);
        let graceful = GracefulShutdown::new();
        let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let socket_room = Arc::new(Semaphore::new(MAX_SOCKET_CONNECTIONS));
        let connections = tokio_util::task::TaskTracker::new();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                taken = in_turn(&room, either(&tcp, other.as_ref())) => match taken {
                    Ok((stream, place)) => {
                        drop(stream.set_nodelay(true));
                        let connection = connection(stream, router.clone(), None, &graceful);
                        connections.spawn(async move { connection.await; drop(place); });
                    }
                    Err(error) => not_taken(&error).await,
                },
                taken = in_turn(&socket_room, accept(socket.as_ref().map(|(listener, _)| listener))) => match taken {
                    Ok((stream, place)) => match peer(&stream) {
                        Ok(actor) => {
                            let connection = connection(stream, router.clone(), Some(actor), &graceful);
                            connections.spawn(async move { connection.await; drop(place); });
                        }
                        Err(error) => tracing::warn!("refused a peer of the socket: {error:#}"),
                    },
                    Err(error) => not_taken(&error).await,
                },
            }
        }
        server.stop.cancel();
        server.app.syncs.cancel_all();
        connections.close();
        server.tasks.close();
        let ended = async {
            graceful.shutdown().await;
            connections.wait().await;
            server.tasks.wait().await;
        };
        if tokio::time::timeout(STOP_TIMEOUT, ended).await.is_err() {
            tracing::warn!("stopped before every reply was sent");
        }
        if let Some((listener, path)) = socket {
            drop(listener);
            if let Err(error) = std::fs::remove_file(&path) {
                tracing::warn!("removing the socket `{}`: {error}", path.display());
            }
        }
        Ok(())
    }
}

/// Takes a connection when there is room for one.
async fn in_turn<T>(
    room: &Arc<Semaphore>,
    accept: impl Future<Output = io::Result<T>>,
) -> io::Result<(T, OwnedSemaphorePermit)> {
    let place = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
    Ok((accept.await?, place))
}

async fn either(tcp: &TcpListener, other: Option<&TcpListener>) -> io::Result<TcpStream> {
    let Some(other) = other else { return Ok(tcp.accept().await?.0) };
    tokio::select! {
        taken = tcp.accept() => Ok(taken?.0),
        taken = other.accept() => Ok(taken?.0),
    }
}

async fn not_taken(error: &io::Error) {
    tracing::warn!("a connection was not taken: {error}");
    // Nothing tells when there are file descriptors again; without a pause this would spin.
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

async fn accept(listener: Option<&UnixListener>) -> io::Result<UnixStream> {
    match listener {
        Some(listener) => Ok(listener.accept().await?.0),
        None => std::future::pending().await,
    }
}

/// Only ourselves and root: both can read the data folder anyway.
fn peer(stream: &UnixStream) -> anyhow::Result<Actor> {
    let uid = stream.peer_cred()?.uid();
    if uid != rustix::process::geteuid().as_raw() && uid != 0 {
        bail!("uid {uid} is neither the owner of the data folder nor root");
    }
    Ok(Actor::local(uid, "local"))
}

fn connection<S>(
    stream: S,
    router: Router,
    actor: Option<Actor>,
    graceful: &GracefulShutdown,
) -> impl Future<Output = ()> + use<S>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = router.map_request(move |request: hyper::Request<hyper::body::Incoming>| {
        let mut request: Request = request.map(axum::body::Body::new);
        if let Some(actor) = &actor {
            request.extensions_mut().insert(actor.clone());
        }
        request
    });
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(READER_PATIENCE));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(service));
    let watched = graceful.watch(connection);
    async move {
        if let Err(error) = watched.await {
            tracing::debug!("a connection ended: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_nothing_is_let_go() {
        let (mut client, server) = tokio::io::duplex(64);
        let router = Router::new().route("/", axum::routing::get(|| async { "long ".repeat(99) }));
        let graceful = GracefulShutdown::new();
        let served = connection(server, router, None, &graceful);
        client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let started = tokio::time::Instant::now();
        served.await;
        assert_eq!(started.elapsed().as_secs(), READER_PATIENCE.as_secs());
    }

    fn now() -> Time {
        Time::from_seconds(0)
    }

    #[test]
    fn only_our_own_names_are_answered_and_sessions_kept_at_names_only() {
        let check = |address: &str, configured: &[&str], name: Option<&str>| {
            let configured: Vec<String> = configured.iter().map(|&name| name.into()).collect();
            let config = names(now, address.parse().unwrap(), &configured, name);
            let list = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" ");
            let home = config.home.clone().unwrap_or_default();
            format!("{}\n{}\n{home}", list(&config.hosts), list(&config.bare))
        };
        insta::assert_snapshot!(check("127.0.0.1:7070", &[], Some("x.localhost")), @"
        127.0.0.1:7070 [::1]:7070 localhost:7070 x.localhost:7070
        127.0.0.1:7070 [::1]:7070 localhost:7070
        x.localhost:7070
        ");
        insta::assert_snapshot!(check("127.0.0.1:80", &["127.0.0.1"], Some("x.localhost")), @"
        127.0.0.1 127.0.0.1:80 [::1] [::1]:80 localhost localhost:80 x.localhost x.localhost:80
        [::1] [::1]:80 localhost localhost:80
        x.localhost:80
        ");
        insta::assert_snapshot!(check("0.0.0.0:7070", &["Tutela.example.org"], None), @"127.0.0.1:7070 [::1]:7070 localhost:7070 tutela.example.org tutela.example.org:7070");
    }

    #[tokio::test]
    async fn both_loopback_addresses_are_ours() {
        let free: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let (tcp, other) = bind_tcp(free).await.unwrap();
        let Some(other) = other else { return println!("skipped: this machine has no [::1]") };
        assert_eq!(tcp.local_addr().unwrap().port(), other.local_addr().unwrap().port());
        drop(tcp);
        let taken = SocketAddr::new(free.ip(), other.local_addr().unwrap().port());
        let refused = bind_tcp(taken).await.unwrap_err().to_string();
        assert!(refused.contains("another program"), "{refused}");
    }

    #[tokio::test]
    async fn whoever_fills_the_one_keeps_nobody_out_of_the_other() {
        let (full, free) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(1)));
        let taken = tokio::select! {
            biased;
            _ = in_turn(&full, async { Ok(()) }) => "the full one",
            _ = in_turn(&free, async { Ok(()) }) => "the free one",
        };
        assert_eq!(taken, "the free one");
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let path = folder.path().join("tutela.sock");
        let listener = bind_socket(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let refused = bind_socket(&path).unwrap_err().to_string();
        assert!(refused.contains("another Tutela answers"), "{refused}");
        drop(listener);
        // A process that another test starts has the listener as well until it runs its program.
        let bound = (0..10_000).find_map(|_| {
            std::thread::yield_now();
            bind_socket(&path).ok()
        });
        assert!(bound.is_some());
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(bind_socket(&path).unwrap_err().to_string().contains("chmod 700"));
    }
}
