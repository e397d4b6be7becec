//! PostgreSQL and MySQL: roles, users and what they are granted.

use model::Fact;
use model::kinds;

use super::Row;
use super::reading::{Reading, expiry};
use super::resource::Resource;

pub(super) const ROWS: &[Row] = &[
    ("postgresql_role", postgres_role),
    ("postgresql_grant", postgres_grant),
    ("postgresql_grant_role", postgres_membership),
    ("mysql_user", mysql_user),
    ("mysql_grant", mysql_grant),
];

fn postgres_role(reading: &mut Reading<'_>, resource: &Resource) {
    reading.dealt_with.extend(["password", "password_wo", "encrypted_password"]);
    let Some(name) = resource.text("name") else { return };
    let id = reading.identity(resource, kinds::DB_ROLE, "postgres", "", name, |identity| {
        const TRUTHS: &[(&str, &str)] = &[
            ("login", "login"),
            ("superuser", "superuser"),
            ("create_role", "create_role"),
            ("create_database", "create_database"),
            ("replication", "replication"),
            ("bypass_row_level_security", "bypass_row_level_security"),
        ];
        for (fact, key) in TRUTHS {
            if let Some(truth) = resource.truth(key) {
                identity.fact(fact, Fact::known(truth));
            }
        }
    });
    if let Some(password) = resource.text("password") {
        let valid_until = resource.text("valid_until").filter(|until| *until != "infinity");
        reading.secret(resource, kinds::PASSWORD, "password", password, None, |credential| {
            credential.expires_at = expiry(valid_until);
        });
    }
    for role in resource.texts("roles") {
        reading.grant(resource, "role-membership", "postgres", "", role, id, |grant| {
            grant.actions.push("member".into());
            grant.resources.push(role.into());
            grant.via = Some(role.into());
        });
    }
}

fn postgres_grant(reading: &mut Reading<'_>, resource: &Resource) {
    let (Some(role), Some(database)) = (resource.text("role"), resource.text("database")) else {
        return;
    };
    let to = reading.mention(resource, kinds::DB_ROLE, "postgres", "", role, "");
    let sort = resource.text("object_type").unwrap_or("database");
    let schema = resource.text("schema").unwrap_or_default();
    let objects = resource.texts("objects");
    let on = |object: &str| {
        let parts = [database, schema, object];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        format!("{sort}:{}", parts.join("."))
    };
    let resources: Vec<String> = if objects.is_empty() {
        vec![on(if sort == "table" { "*" } else { "" })]
    } else {
        objects.iter().map(|object| on(object)).collect()
    };
    let actions: Vec<String> = resource.texts("privileges").into_iter().map(String::from).collect();
    let native_id = format!("{database}/{schema}/{sort}");
    reading.grant(resource, "privileges", "postgres", "", &native_id, to, |grant| {
        grant.actions = actions;
        grant.resources = resources;
    });
}

fn postgres_membership(reading: &mut Reading<'_>, resource: &Resource) {
    let (Some(role), Some(granted)) = (resource.text("role"), resource.text("grant_role")) else {
        return;
    };
    let to = reading.mention(resource, kinds::DB_ROLE, "postgres", "", role, "");
    reading.grant(resource, "role-membership", "postgres", "", granted, to, |grant| {
        grant.actions.push("member".into());
        grant.resources.push(granted.into());
        grant.via = Some(granted.into());
    });
}

fn mysql_name(resource: &Resource) -> Option<String> {
    let user = resource.text("user").or_else(|| resource.text("role"))?;
    Some(format!("{user}@{}", resource.text("host").unwrap_or("localhost")))
}

fn mysql_user(reading: &mut Reading<'_>, resource: &Resource) {
    reading.dealt_with.extend(["password", "plaintext_password", "auth_string_hashed"]);
    let Some(name) = mysql_name(resource) else { return };
    reading.identity(resource, kinds::DB_ROLE, "mysql", "", &name, |_| {});
    for key in ["plaintext_password", "password"] {
        if let Some(password) = resource.text(key) {
            reading.secret(resource, kinds::PASSWORD, key, password, None, |_| {});
        }
    }
}

fn mysql_grant(reading: &mut Reading<'_>, resource: &Resource) {
    let Some(name) = mysql_name(resource) else { return };
    let to = reading.mention(resource, kinds::DB_ROLE, "mysql", "", &name, "");
    let database = resource.text("database").unwrap_or("*");
    let on = format!("{database}.{}", resource.text("table").unwrap_or("*"));
    let actions: Vec<String> = resource.texts("privileges").into_iter().map(String::from).collect();
    reading.grant(resource, "privileges", "mysql", "", &on.clone(), to, |grant| {
        grant.actions = actions;
        grant.resources.push(on);
    });
}
