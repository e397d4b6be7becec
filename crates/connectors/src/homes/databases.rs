//! Databases: PostgreSQL, MySQL, and the warehouses whose tools keep INI files.

use model::{Fact, Value, kinds};

use super::files::{File, Login};
use super::logins::host_of;
use crate::dossier::{Dossier, Held};
use crate::ini;

/// A file with more lines than this is read up to here.
const MAX_LINES: usize = 100_000;

/// `.pgpass`: `host:port:database:user:password`, with `\:` and `\\`; `*` fits anything.
pub(super) fn pgpass(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    for (n, line) in file.text(dossier).lines().enumerate().take(MAX_LINES) {
        let Some([host, port, database, user, password]) = fields(line) else { continue };
        let user = if user == "*" { String::new() } else { user };
        let address = match port.as_str() {
            "*" | "5432" | "" => host.clone(),
            port => format!("{host}:{port}"),
        };
        let line = u32::try_from(n + 1).unwrap_or(u32::MAX);
        let shown = |text: &str| if text.is_empty() { "*".to_owned() } else { text.to_owned() };
        let pointer =
            format!("{}:{port}:{database}:{} password (line {line})", shown(&host), shown(&user));
        let login = Login {
            kind: kinds::DB_ROLE,
            system: "postgres",
            host: &address,
            user: Some(&user),
            secret: kinds::PASSWORD,
            pointer: &pointer,
            name: "password",
            line,
        };
        login.state(dossier, &password);
    }
}

/// The five fields of a line; none for comments and lines with fewer.
fn fields(line: &str) -> Option<[String; 5]> {
    if line.starts_with('#') || line.trim().is_empty() {
        return None;
    }
    let mut fields: Vec<String> = vec![String::new()];
    let mut chars = line.trim_end_matches('\r').chars();
    while let Some(c) = chars.next() {
        let n_fields = fields.len();
        let Some(last) = fields.last_mut() else { break };
        match c {
            '\\' => last.push(chars.next().unwrap_or('\\')),
            ':' if n_fields < 5 => fields.push(String::new()),
            // libpq ends the password at a colon that is not escaped.
            ':' => break,
            c => last.push(c),
        }
    }
    fields.try_into().ok()
}

/// `.pg_service.conf`: connection parameters by service name.
pub(super) fn pg_service(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    for section in ini::read(&file.text(dossier)) {
        login("postgres", &section, &["host", "hostaddr"], "user", "password", dossier);
    }
}

/// `.my.cnf`: the groups that clients read.
pub(super) fn my_cnf(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    for section in ini::read(&file.text(dossier)) {
        login("mysql", &section, &["host", "socket"], "user", "password", dossier);
    }
}

fn login(
    system: &'static str,
    section: &ini::Section,
    hosts: &[&str],
    user: &str,
    password: &str,
    dossier: &mut Dossier<'_>,
) {
    let Some(entry) = section.get(password) else { return };
    let host = hosts.iter().find_map(|key| host_of(section.value(key)));
    let host = host.unwrap_or_else(|| "localhost".into());
    let host = match section.value("port") {
        Some(port) if !matches!(port, "5432" | "3306") => format!("{host}:{port}"),
        _ => host,
    };
    let pointer = format!("[{}] {password}", section.name);
    let login = Login {
        kind: kinds::DB_ROLE,
        system,
        host: &host,
        user: section.value(user),
        secret: kinds::PASSWORD,
        pointer: &pointer,
        name: "password",
        line: entry.line,
    };
    login.state(dossier, &entry.value);
}

/// `.mylogin.cnf`: obfuscated with a key that stands in its own first bytes.
pub(super) fn mylogin(_: &mut File<'_>, dossier: &mut Dossier<'_>) {
    let mut identity = dossier.account(kinds::DB_ROLE, "mysql", "", None, "login paths", 1);
    identity.name = "MySQL login paths".into();
    let id = dossier.add(identity);
    let held = Held::new(kinds::PASSWORD, "mysql", "login paths", "password", 1).of(id);
    let native_id = dossier.local_id("login paths");
    let open =
        Fact::<Value>::known(false).because("obfuscated: whoever reads the file has the passwords");
    dossier.opaque(&held, native_id, open);
}

/// `.snowsql/config`: `[connections.name]`.
pub(super) fn snowsql(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    for section in ini::read(&file.text(dossier)) {
        if section.name.starts_with("connections") {
            login("snowflake", &section, &["accountname"], "username", "password", dossier);
        }
    }
}

/// `.databrickscfg`.
pub(super) fn databricks(file: &mut File<'_>, dossier: &mut Dossier<'_>) {
    for section in ini::read(&file.text(dossier)) {
        let host = host_of(section.value("host")).unwrap_or_default();
        for (key, kind, user) in [
            ("token", kinds::PERSONAL_ACCESS_TOKEN, None),
            ("password", kinds::PASSWORD, section.value("username")),
            ("client_secret", kinds::CLIENT_SECRET, section.value("client_id")),
            ("azure_client_secret", kinds::CLIENT_SECRET, section.value("azure_client_id")),
        ] {
            let Some(entry) = section.get(key) else { continue };
            let pointer = format!("[{}] {key}", section.name);
            let login = Login {
                kind: kinds::SERVICE_LOGIN,
                system: "databricks",
                host: &host,
                user,
                secret: kind,
                pointer: &pointer,
                name: key,
                line: entry.line,
            };
            login.state(dossier, &entry.value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_fields_with_escapes() {
        let check = |line: &str, expected: Option<[&str; 5]>| {
            let expected = expected.map(|fields| fields.map(str::to_owned));
            assert_eq!(fields(line), expected, "{line}");
        };
        check("h:5432:d:u:p", Some(["h", "5432", "d", "u", "p"]));
        check("*:*:*:u:a\\:b\\\\c\r", Some(["*", "*", "*", "u", "a:b\\c"]));
        check("h:1:d:u:p:more", Some(["h", "1", "d", "u", "p"]));
        check("# h:5432:d:u:p", None);
        check("h:5432:d:u", None);
        check("", None);
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_read(line in "[a:\\\\#* ]{0,40}") {
            fields(&line);
        }

        #[test]
        fn what_is_escaped_is_read(password in "[!-~]{1,30}") {
            let escaped = password.replace('\\', "\\\\").replace(':', "\\:");
            let fields = fields(&format!("h:1:d:u:{escaped}")).unwrap();
            proptest::prop_assert_eq!(&fields[4], &password);
        }
    }
}
