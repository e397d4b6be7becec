//! Linux hosts: the hosts, service accounts with their keys and rights, and TLS certificates.

use model::kinds;
use model::{Batch, Evidence, Fact, Grant, Identity, Place, Subject, Trust};

use super::{One, certificate, name};
use crate::chance::Chance;
use crate::plan::MIX;
use crate::world::{Area, mark};

const ACCOUNTS: [&str; 16] = [
    "deploy",
    "backup",
    "jenkins",
    "prometheus",
    "postgres",
    "ledger",
    "exporter",
    "sync",
    "rsync",
    "ansible",
    "app",
    "worker",
    "mailrelay",
    "ftp",
    "monitor",
    "cron",
];

pub(super) fn make(one: &mut One<'_>, batch: &mut Batch) {
    if one.group.kind == kinds::HOST {
        host(one, batch);
    } else if one.group.kind == kinds::SERVICE_ACCOUNT {
        account(one, batch);
    } else {
        subject(one, batch);
    }
}

fn host(one: &mut One<'_>, batch: &mut Batch) {
    let machine = one.area.instance.clone();
    let mut identity = one.identity(kinds::HOST, "linux", "", machine);
    identity.name.clone_from(&one.area.name);
    identity.fact("os", Fact::known(one.chance.pick(&["Debian 12", "Ubuntu 24.04", "RHEL 9"])));
    one.owners(&identity, "label", batch);
    for _ in 0..one.n_credentials {
        ssh_key(one, &identity, false, batch);
    }
    batch.identities.push(identity);
}

fn ssh_key(one: &mut One<'_>, identity: &Identity, may_be_encrypted: bool, batch: &mut Batch) {
    let fingerprint = fingerprint(&mut one.chance);
    let mut credential = one.credential(kinds::SSH_KEY, "ssh", "", fingerprint, identity.id);
    let algorithm = one.chance.pick(&["ed25519", "ed25519", "rsa", "rsa", "ecdsa"]);
    credential.fact("algorithm", Fact::known(algorithm));
    let bits = match algorithm {
        "rsa" if one.chance.permille(60) => 1024_i64,
        "rsa" => 3072,
        _ => 256,
    };
    credential.fact("bits", Fact::known(bits));
    let is_encrypted = may_be_encrypted && one.chance.permille(250);
    credential.fact("encrypted", Fact::known(is_encrypted));
    credential.expires_at = Fact::absent();
    one.store(&mut credential);
    if let Some(place) = credential.places.first() {
        place.path.rsplit('/').next().unwrap_or_default().clone_into(&mut credential.name);
    }
    batch.credentials.push(credential);
}

/// As `ssh-keygen -l` prints it.
fn fingerprint(chance: &mut Chance) -> String {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    format!("SHA256:{}", chance.text(letters, 43))
}

fn account(one: &mut One<'_>, batch: &mut Batch) {
    let machine = one.area.instance.clone();
    let which = usize::try_from(one.life % 16).unwrap_or(0);
    let name = ACCOUNTS.get(which).copied().unwrap_or("app");
    let native_id = format!("{name}-{}", mark(one.life));
    let home = format!("/var/lib/{native_id}");
    let mut identity = one.identity(kinds::SERVICE_ACCOUNT, "linux", &machine, native_id);
    let has_shell = one.chance.permille(450);
    identity.fact("uid", Fact::known(i64::try_from(900 + one.number % 90).unwrap_or(900)));
    identity.fact("home", Fact::known(home));
    identity.fact("shell", Fact::known(if has_shell { "/bin/bash" } else { "/usr/sbin/nologin" }));
    identity.fact("login_shell", Fact::known(has_shell));
    identity.loci.push("/etc/passwd".into());
    one.owners(&identity, "unit-file", batch);
    if one.chance.permille(140) {
        sudo(one, &identity, batch);
    }
    if has_shell && one.chance.permille(500) {
        let principal = fingerprint(&mut one.chance);
        let from = Subject::Principal { principal };
        let path = format!("/var/lib/{}/.ssh/authorized_keys", identity.native_id);
        let mut trust = Trust::new(
            "ssh-authorized-key",
            "linux",
            machine.as_str(),
            &path,
            one.scope(),
            from,
            identity.id,
        );
        trust.facts.insert("restricted".into(), Fact::known(one.chance.permille(200)));
        trust.evidence.push(Evidence::at(path.as_str()).line(1));
        trust.loci.push(path);
        batch.trusts.push(trust);
    }
    for n in 0..one.n_credentials {
        if n % 4 == 3 {
            let native_id = format!("{}#{n}", identity.native_id);
            let mut credential =
                one.credential(kinds::UNIX_PASSWORD, "linux", &machine, native_id, identity.id);
            credential.fact("state", Fact::known("set"));
            credential.loci.push("/etc/shadow".into());
            batch.credentials.push(credential);
        } else {
            ssh_key(one, &identity, true, batch);
        }
    }
    batch.identities.push(identity);
}

fn sudo(one: &mut One<'_>, identity: &Identity, batch: &mut Batch) {
    let file = format!("/etc/sudoers.d/{}", identity.native_id);
    let mut grant = Grant::new(
        "sudo",
        "linux",
        identity.instance.as_str(),
        format!("{file}:1"),
        one.scope(),
        identity.id,
    );
    let is_unrestricted = one.chance.permille(160);
    grant.actions = if is_unrestricted {
        vec!["ALL".into()]
    } else {
        vec![format!("/usr/bin/systemctl restart {}", identity.native_id)]
    };
    grant.resources = vec!["root".into()];
    grant.facts.insert("nopasswd".into(), Fact::known(one.chance.permille(850)));
    grant.facts.insert("unrestricted".into(), Fact::known(is_unrestricted));
    grant.facts.insert("file".into(), Fact::known(file.as_str()));
    grant.evidence.push(Evidence::at(file.as_str()).line(1));
    grant.loci.push(file);
    batch.grants.push(grant);
}

fn subject(one: &mut One<'_>, batch: &mut Batch) {
    let host = one.area.name.clone();
    let name = format!("{}.{host}", name(one.world, one.group_number, one.number));
    let native_id = format!("CN=Meridian Issuing CA 3,O=Meridian|CN={name}");
    let mut identity = one.identity(kinds::TLS_SUBJECT, "x509", "", native_id);
    identity.name.clone_from(&name);
    identity.enabled = Fact::default();
    identity.last_used_at =
        Fact::not_observable("a certificate does not say when it was presented");
    one.owners(&identity, "label", batch);
    for n in 0..one.n_credentials {
        certificate(one, &identity, &name, n, batch);
    }
    batch.identities.push(identity);
}

pub(super) fn place(area: &Area, group: usize, number: u64, chance: &mut Chance) -> Place {
    let kind = MIX.get(group).map(|group| group.kind);
    let mark = mark(number);
    let path = if kind == Some(kinds::HOST) {
        "/etc/ssh/ssh_host_ed25519_key".to_owned()
    } else if kind == Some(kinds::SERVICE_ACCOUNT) {
        let file = chance.pick(&["id_ed25519", "id_rsa", "deploy_key"]);
        format!("/var/lib/{}-{mark}/.ssh/{file}", chance.pick(&ACCOUNTS))
    } else {
        let folder =
            chance.pick(&["/etc/nginx/tls", "/etc/ssl/private", "/etc/haproxy", "/srv/tls"]);
        format!("{folder}/{mark}.pem")
    };
    let mut place =
        Place::new(kinds::PLACE_FILE, "file", area.instance.as_str(), path, area.scope_id());
    place.loci.push(place.native_id.clone());
    let (mode, exposure) = match chance.below(100) {
        0..=3 => ("0644", "everyone"),
        4..=11 => ("0640", "group"),
        _ => ("0600", "owner"),
    };
    place.fact("mode", Fact::known(mode));
    place.fact("exposure", Fact::known(exposure));
    place
}
