//! Database roles, and the AI agents and MCP servers on people's machines; and the state file of a
//! Terraform configuration as a place.

use model::kinds;
use model::{Batch, Evidence, Fact, Grant, Identity, Place};

use super::{One, name, nth};
use crate::chance::Chance;
use crate::plan::{MIX, Part};
use crate::world::{Area, mark};

pub(super) fn make(one: &mut One<'_>, batch: &mut Batch) {
    if one.group.kind == kinds::DB_ROLE {
        role(one, batch);
    } else {
        agent(one, batch);
    }
}

fn role(one: &mut One<'_>, batch: &mut Batch) {
    let server = one.area.instance.clone();
    let name = name(one.world, one.group_number, one.number).replace('-', "_");
    let mut identity = one.identity(kinds::DB_ROLE, "postgres", &server, name);
    identity.created_at =
        Fact::not_observable("PostgreSQL does not record when a role was created");
    identity.last_used_at =
        Fact::not_observable("PostgreSQL does not record when a role signed in");
    let is_superuser = one.chance.permille(25);
    identity.fact("superuser", Fact::known(is_superuser));
    one.owners(&identity, "naming", batch);
    let mut grant =
        Grant::new("privilege", "postgres", server.as_str(), "tables", one.scope(), identity.id);
    grant.actions = if is_superuser {
        vec!["ALL".into()]
    } else {
        one.chance
            .pick(&[&["SELECT"][..], &["SELECT", "INSERT", "UPDATE"][..]])
            .iter()
            .map(|&action| action.to_owned())
            .collect()
    };
    grant.resources = vec!["public.*".into()];
    grant.evidence.push(Evidence::at("pg_class.relacl"));
    batch.grants.push(grant);
    for n in 0..one.n_credentials {
        let native_id = nth(&identity.native_id, n);
        let mut credential =
            one.credential(kinds::PASSWORD, "postgres", &server, native_id, identity.id);
        credential.fingerprint = None;
        credential.last_used_at = Fact::default();
        let algorithm = if one.chance.permille(70) { "md5" } else { "scram-sha-256" };
        credential.fact("algorithm", Fact::known(algorithm));
        batch.credentials.push(credential);
    }
    batch.identities.push(identity);
}

fn agent(one: &mut One<'_>, batch: &mut Batch) {
    let machine = one.area.instance.clone();
    let mark = mark(one.life);
    let mut identity = if one.group.kind == kinds::AI_AGENT {
        let agent = one.chance.pick(&["claude-desktop", "cursor", "vscode", "windsurf"]);
        let path = format!("/home/dev-{mark}/.config/{agent}/settings.json");
        one.identity(kinds::AI_AGENT, agent, &machine, path)
    } else {
        let server =
            one.chance.pick(&["server-github", "server-postgres", "server-slack", "files"]);
        one.identity(kinds::MCP_SERVER, "mcp", "", format!("npx @meridian/{server}-{mark}"))
    };
    identity.created_at = Fact::default();
    identity.last_used_at =
        Fact::not_observable("a configuration file does not say when it was used");
    one.owners(&identity, "home", batch);
    credentials(one, &identity, batch);
    batch.identities.push(identity);
}

fn credentials(one: &mut One<'_>, identity: &Identity, batch: &mut Batch) {
    for n in 0..one.n_credentials {
        let native_id = nth(&identity.native_id, n);
        let mut credential = one.credential(kinds::API_TOKEN, "mcp", "", native_id, identity.id);
        let name = one.chance.pick(&["GITHUB_TOKEN", "SLACK_TOKEN", "DATABASE_URL"]);
        name.clone_into(&mut credential.name);
        credential.fact("confidence", Fact::known("verified"));
        one.store(&mut credential);
        batch.credentials.push(credential);
    }
}

pub(super) fn place(
    part: Part,
    area: &Area,
    group: usize,
    number: u64,
    chance: &mut Chance,
) -> Place {
    if part == Part::Terraform {
        let name = area.name.as_str();
        let mut place = Place::new(kinds::PLACE_STATE, "terraform", "", name, area.scope_id());
        place.loci.push(area.name.clone());
        place.fact("exposure", Fact::known("group"));
        return place;
    }
    let kind = MIX.get(group).map(|group| group.kind.id).unwrap_or_default();
    let path = if part == Part::Postgres {
        format!("/etc/postgresql/{}.conf", mark(number))
    } else {
        format!("/home/dev-{}/.config/{kind}/mcp.json", mark(number))
    };
    let mut place =
        Place::new(kinds::PLACE_FILE, "file", area.instance.as_str(), path, area.scope_id());
    place.loci.push(place.native_id.clone());
    place.fact("exposure", Fact::known(if chance.permille(300) { "everyone" } else { "owner" }));
    place
}
