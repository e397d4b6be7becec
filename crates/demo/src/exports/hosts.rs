//! The part of a root file system that says who a host's accounts are and what they may do.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

use model::{Identity, Value};

use super::{Estate, Folder, LETTERS, chance, ssh_public_key};
use crate::plan::Plan;

const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
    daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n\
    www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n\
    nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";

const GROUP: &str = "root:x:0:\ndaemon:x:1:\nsudo:x:27:\nwww-data:x:33:\nnogroup:x:65534:\n";

pub(super) fn write(plan: &Plan, hosts: &Estate, folder: &mut Folder) -> io::Result<()> {
    let accounts = hosts.by(&["service-account"], |account| &account.instance);
    let machines: BTreeMap<&str, &Identity> = (hosts.all.identities.iter())
        .filter(|identity| identity.kind == "host")
        .map(|host| (host.native_id.as_str(), host))
        .collect();
    for (machine, host) in machines {
        let root = format!("hosts/{}", host.name);
        folder.file(&format!("{root}/etc/machine-id"), &format!("{machine}\n"))?;
        folder.file(&format!("{root}/etc/hostname"), &format!("{}\n", host.name))?;
        let key = ssh_public_key(&mut chance(plan, machine));
        folder.file(
            &format!("{root}/etc/ssh/ssh_host_ed25519_key.pub"),
            &format!("{key} root@{}\n", host.name),
        )?;
        folder.file(
            &format!("{root}/etc/sudoers"),
            "root ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n",
        )?;
        let accounts = accounts.get(machine).map_or(&[][..], Vec::as_slice);
        let (mut passwd, mut group) = (PASSWD.to_owned(), GROUP.to_owned());
        let mut shadow = String::from("root:*:19800:0:99999:7:::\n");
        for (n, account) in accounts.iter().enumerate() {
            let name = &account.native_id;
            let (uid, text) = (900 + n % 99, |fact: &str| text(account, fact));
            // Writing to a string cannot fail.
            writeln!(passwd, "{name}:x:{uid}:{uid}::{}:{}", text("home"), text("shell"))
                .unwrap_or_default();
            writeln!(group, "{name}:x:{uid}:").unwrap_or_default();
            let has_password =
                hosts.credentials(account).any(|credential| credential.kind == "unix-password");
            let hash = if has_password {
                let mut chance = chance(plan, name);
                format!("$6${}${}", chance.text(LETTERS, 16), chance.text(LETTERS, 86))
            } else {
                "!".to_owned()
            };
            writeln!(shadow, "{name}:{hash}:19700:0:99999:7:::").unwrap_or_default();
            of_account(plan, hosts, account, &root, folder)?;
        }
        folder.file(&format!("{root}/etc/passwd"), &passwd)?;
        folder.file(&format!("{root}/etc/group"), &group)?;
        folder.file(&format!("{root}/etc/shadow"), &shadow)?;
    }
    Ok(())
}

fn text<'a>(account: &'a Identity, fact: &str) -> &'a str {
    match account.facts.get(fact).and_then(|fact| fact.value()) {
        Some(Value::Text(text)) => text,
        _ => "",
    }
}

fn of_account(
    plan: &Plan,
    hosts: &Estate,
    account: &Identity,
    root: &str,
    folder: &mut Folder,
) -> io::Result<()> {
    let name = &account.native_id;
    for grant in hosts.grants(account) {
        let tag = match grant.facts.get("nopasswd").and_then(|fact| fact.value()) {
            Some(Value::Truth(true)) => "NOPASSWD: ",
            _ => "",
        };
        let rule = format!("{name} ALL=(root) {tag}{}\n", grant.actions.join(", "));
        folder.file(&format!("{root}/etc/sudoers.d/{name}"), &rule)?;
    }
    for trust in hosts.trusts_to(account) {
        let key = ssh_public_key(&mut chance(plan, &trust.from.to_string()));
        let options = match trust.facts.get("restricted").and_then(|fact| fact.value()) {
            Some(Value::Truth(true)) => "restrict,command=\"/usr/local/bin/receive\" ",
            _ => "",
        };
        let line = format!("{options}{key} build@ci\n");
        folder.file(&format!("{root}{}/.ssh/authorized_keys", text(account, "home")), &line)?;
    }
    let unit = format!(
        "[Unit]\nDescription={name}\n\n[Service]\nUser={name}\nExecStart=/opt/{name}/run\nRestart=always\n\n\
         [Install]\nWantedBy=multi-user.target\n"
    );
    folder.file(&format!("{root}/etc/systemd/system/{name}.service"), &unit)
}
