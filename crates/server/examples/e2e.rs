//! The console over a made-up estate, for browser tests and for looking at pages.
//!
//! `cargo run -p server --example e2e -- FOLDER [PORT [IDENTITIES]]`: fills an empty folder, adds
//! one person per role (login: the role's name), prints the address, serves until interrupted.

#![expect(clippy::print_stdout, reason = "a program of its own: the address is its output")]
#![expect(
    clippy::disallowed_methods,
    reason = "a program of its own: it is where the clock comes from"
)]

use std::path::PathBuf;

use app::access::Role;
use app::{Actor, App};
use demo::Plan;
use model::{Batch, Coverage, Gap, GapReason, Identity, Scope, Secret, Time, kinds};
use server::listen::{ServeConfig, bind};
use store::NewSource;
use tokio_util::sync::CancellationToken;

/// Of everybody in this estate.
const PASSWORD: &str = "correct horse battery staple";

fn clock() -> Time {
    Time::from(std::time::SystemTime::now())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| "/tmp/tutela-e2e".into()));
    let port: u16 = arguments.next().map_or(Ok(0), |text| text.parse())?;
    let identities: u64 = arguments.next().map_or(Ok(200), |text| text.parse())?;
    let mut app = App::open(folder.clone(), "browser tests", clock())?;
    // As `tutela up` does on loopback: the form for sources of this machine is a page to test too.
    app.trusts_sessions = true;
    fill(&app, identities)?;
    app.warm()?;
    let config = ServeConfig {
        address: ([127, 0, 0, 1], port).into(),
        allow_remote: false,
        socket: Some(folder.join("tutela.sock")),
        host_names: Vec::new(),
        https: false,
        clock,
    };
    let bound = bind(app, config).await?;
    println!("{}", bound.browser_address());
    let stop = CancellationToken::new();
    let interrupted = stop.clone();
    let waiting = async move {
        // Without the handler the signal itself ends the program.
        if tokio::signal::ctrl_c().await.is_ok() {
            interrupted.cancel();
        }
    };
    let (served, ()) = tokio::join!(bound.serve(stop), waiting);
    served
}

fn fill(app: &App, identities: u64) -> anyhow::Result<()> {
    if !app.store.sources()?.is_empty() {
        return Ok(());
    }
    let now = clock();
    let plan = Plan { identities, ..Plan::new(now) };
    for made_up in demo::SOURCES {
        let new = NewSource {
            connector: made_up.connector.into(),
            name: made_up.name.into(),
            settings: "{}".into(),
            every_s: Some(3600),
        };
        let source = app.store.add_source(&new, now)?;
        let mut writer = app.store.begin_sync(source.id, now)?;
        for batch in demo::batches(&plan, made_up) {
            writer.put(&batch)?;
        }
        writer.publish(now)?;
    }
    forbidden_folder(app, now)?;
    app.warm()?;
    app::estate::refresh(app, now)?;
    let local = Actor::local(0, "browser tests");
    let password = Secret::new(PASSWORD.to_owned());
    for role in Role::ALL {
        app::people::add(app, &local, role.name(), role.name(), role, Some(&password), now)?;
    }
    Ok(())
}

/// A source that was refused something, so that there is a gap to read, and that has accounts of
/// people, which lists leave out.
fn forbidden_folder(app: &App, now: Time) -> anyhow::Result<()> {
    let new = NewSource {
        connector: "host".into(),
        name: "bastion".into(),
        settings: "{}".into(),
        every_s: None,
    };
    let source = app.store.add_source(&new, now)?;
    let mut coverage = Coverage::new(Scope::new("linux", "bastion", "ssh", "/root"));
    coverage.read();
    let gap = Gap::new("/root/.ssh", GapReason::Denied);
    coverage.miss(gap.detail("permission denied").missing("read /root/.ssh"));
    let account = |name: &str| {
        Identity::new(kinds::USER_ACCOUNT, "linux", "bastion", name, coverage.scope.id)
    };
    let identities = vec![account("ada"), account("grace")];
    let mut writer = app.store.begin_sync(source.id, now)?;
    writer.put(&Batch { identities, coverage: vec![coverage], ..Batch::default() })?;
    writer.publish(now)?;
    Ok(())
}
