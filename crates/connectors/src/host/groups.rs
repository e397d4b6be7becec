//! `/etc/group`: memberships as grants, and what the telling groups give.

use std::collections::BTreeSet;

use model::{Batch, Evidence, Fact, Grant, IdentityId};

use super::accounts::{self, Account, Accounts};
use super::names::{LINUX, Names};

pub(super) const GROUP: &str = "/etc/group";

/// What membership of a group gives on the common distributions.
pub(super) struct Privilege {
    pub group: &'static str,
    pub gives: &'static str,
    /// Whether a member can become root by it, with no further password.
    pub root_equivalent: bool,
}

const fn privilege(group: &'static str, root_equivalent: bool, gives: &'static str) -> Privilege {
    Privilege { group, gives, root_equivalent }
}

/// The telling groups. Where `sudo`, `wheel` or `admin` lead is in the sudo grants, since it is a
/// rule of `/etc/sudoers` that gives them their meaning.
pub(super) const PRIVILEGES: &[Privilege] = &[
    privilege("root", false, "reads and writes what the group root may"),
    privilege("sudo", false, "commands as other users, by the sudo rule for this group"),
    privilege("wheel", false, "commands as other users, by the sudo rule for this group; su"),
    privilege("admin", false, "commands as other users, by the sudo rule for this group"),
    privilege("docker", true, "starts containers with the host's file system"),
    privilege("podman", true, "starts containers through a root service's socket"),
    privilege("lxd", true, "starts privileged containers with the host's file system"),
    privilege("lxc", true, "starts privileged containers with the host's file system"),
    privilege("incus-admin", true, "starts privileged containers with the host's file system"),
    privilege("microk8s", true, "administers the node's Kubernetes"),
    privilege("libvirt", true, "starts virtual machines with the host's disks"),
    privilege("disk", true, "reads and writes whole disks, past all file permissions"),
    privilege("kmem", true, "reads the memory of the kernel"),
    privilege("shadow", false, "reads the password hashes of /etc/shadow"),
    privilege("staff", false, "writes /usr/local, which root's PATH holds"),
    privilege("adm", false, "reads the system's logs"),
    privilege("systemd-journal", false, "reads the journal of every service"),
    privilege("kvm", false, "starts virtual machines"),
    privilege("tty", false, "writes to other people's terminals"),
    privilege("input", false, "reads keyboards and other input devices"),
    privilege("video", false, "reads the screen and cameras"),
    privilege("render", false, "uses the graphics processors"),
    privilege("tape", false, "reads and writes backup tapes"),
    privilege("backup", false, "reads what was set aside for backups"),
    privilege("ssl-cert", false, "reads the private keys of /etc/ssl/private"),
    privilege("wireshark", false, "captures network traffic"),
    privilege("netdev", false, "changes network connections"),
    privilege("dialout", false, "uses serial ports and modems"),
    privilege("plugdev", false, "mounts removable disks"),
    privilege("mail", false, "reads mail folders"),
    privilege("utmp", false, "writes the record of who was signed in"),
    privilege("keys", false, "reads the deployed keys of NixOS"),
];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub name: String,
    pub gid: u32,
    pub members: Vec<String>,
    pub line: u32,
}

pub(super) fn parse(text: &str) -> (Vec<Group>, Vec<(u32, &'static str)>) {
    let mut groups: Vec<Group> = Vec::new();
    let mut problems = Vec::new();
    let mut names = BTreeSet::new();
    for (line, row) in (1..).zip(text.lines()) {
        if row.trim().is_empty() || row.starts_with('#') {
            continue;
        }
        if row.starts_with(['+', '-']) {
            problems.push((line, "groups from NIS are not read"));
            continue;
        }
        let fields: Vec<&str> = row.split(':').collect();
        let [name, _password, gid, members] = fields.as_slice() else {
            problems.push((line, "a group has four fields"));
            continue;
        };
        let Ok(gid) = gid.parse() else {
            problems.push((line, "a group id is a number"));
            continue;
        };
        if name.is_empty() || !names.insert((*name).to_owned()) {
            problems.push((line, "a group has a name of its own"));
            continue;
        }
        let members = members.split(',').map(str::trim).filter(|member| !member.is_empty());
        let members = members.map(str::to_owned).collect();
        groups.push(Group { name: (*name).to_owned(), gid, members, line });
    }
    (groups, problems)
}

pub(super) fn privilege_of(group: &str) -> Option<&'static Privilege> {
    PRIVILEGES.iter().find(|privilege| privilege.group == group)
}

pub(super) fn normalize(accounts: &Accounts, names: Names<'_>) -> Batch {
    let mut batch = Batch::default();
    let known: BTreeSet<&str> = accounts.rows.iter().map(|account| account.name.as_str()).collect();
    for group in &accounts.groups {
        for member in &group.members {
            if !known.contains(member.as_str()) {
                let kind = accounts::kind_of_name(member);
                batch.identities.push(names.mentioned_account(kind, member, GROUP));
            }
            let evidence = Evidence::at(GROUP).line(group.line);
            let identity = names.account_id(member);
            batch.grants.push(membership(&group.name, identity, "listed", evidence, names));
        }
    }
    for account in &accounts.rows {
        if let Some(group) = accounts.group_by_gid(account.gid)
            && says_something(account, group)
        {
            let evidence = Evidence::at(accounts::PASSWD).line(account.line);
            let identity = names.account_id(&account.name);
            batch.grants.push(membership(&group.name, identity, "primary", evidence, names));
        }
    }
    batch
}

/// An account's own group of the same name holds nobody else, and says nothing unless it is one of
/// the telling ones.
fn says_something(account: &Account, group: &Group) -> bool {
    group.name != account.name || privilege_of(&group.name).is_some()
}

/// That an identity (an account, or a unit by `SupplementaryGroups=`) is in a group.
pub(super) fn membership(
    group: &str,
    identity: IdentityId,
    how: &'static str,
    evidence: Evidence,
    names: Names<'_>,
) -> Grant {
    let mut grant =
        Grant::new("group-membership", LINUX, names.machine, group, names.scope, identity);
    grant.actions.push("member".into());
    grant.resources.push(group.into());
    grant.via = Some(group.into());
    grant.facts.insert("how".into(), Fact::known(how));
    let privilege = privilege_of(group);
    grant.facts.insert("privileged".into(), Fact::known(privilege.is_some()));
    if let Some(privilege) = privilege {
        grant.facts.insert("gives".into(), Fact::known(privilege.gives));
        grant.facts.insert("root_equivalent".into(), Fact::known(privilege.root_equivalent));
    }
    grant.loci.push(evidence.at.clone());
    grant.evidence.push(evidence);
    grant
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_what_is_wrong_with_lines() {
        let (groups, problems) =
            parse("root:x:0:\ndocker:x:998:ada, ci,\nbad:x:y:\nroot:x:1:\nshort:x\n+:::\n");
        let check = groups.iter().map(|group| (group.name.as_str(), group.members.join("+")));
        assert_eq!(
            check.collect::<Vec<_>>(),
            [("root", String::new()), ("docker", "ada+ci".into())]
        );
        assert_eq!(problems.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [3, 4, 5, 6]);
    }

    #[test]
    fn a_group_is_told_once() {
        let mut names: Vec<_> = PRIVILEGES.iter().map(|privilege| privilege.group).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PRIVILEGES.len());
    }

    proptest::proptest! {
        #[test]
        fn any_text(text in "[a-z:0-9,\n]{0,200}|\\PC{0,200}") {
            parse(&text);
        }
    }
}
