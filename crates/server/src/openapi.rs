//! The OpenAPI 3.1 document, made from the table of endpoints.
//!
//! Shapes of what `store` answers with are put together here from the records' own schemas; a test
//! holds every reply against them.

use std::sync::LazyLock;

use model::{
    Credential, Finding, FindingState, Gap, Grant, Identity, OwnerLink, Party, Place,
    PolicyDocument, Time, Trust,
};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::problem::Problem;
use crate::routes::{Access, ENDPOINTS, Endpoint, Kind};

static DOCUMENT: LazyLock<Value> = LazyLock::new(make);

pub(crate) fn document() -> &'static Value {
    &DOCUMENT
}

fn make() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let problem = generator.subschema_for::<Problem>();
    let mut paths = Map::new();
    for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.kind == Kind::Api) {
        let operation = operation(endpoint, &problem, &mut generator);
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(endpoint.verb.name().to_ascii_lowercase(), operation);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tutela",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Every identity that is not a person: what it is, who owns it, what could not be seen.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }, { "session": [] }],
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "description": "An API token from Settings: `tut_…`" },
                "session": { "type": "apiKey", "in": "cookie", "name": crate::session::cookie_name(false) },
            },
        },
    })
}

fn operation(endpoint: &Endpoint, problem: &Schema, generator: &mut SchemaGenerator) -> Value {
    let mut parameters: Vec<Value> = path_parameters(endpoint.path)
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    parameters.extend(endpoint.query.iter().map(|(name, meaning)| {
        let repeats = *name == "filter";
        let schema = if repeats {
            json!({ "type": "array", "items": { "type": "string" } })
        } else {
            json!({ "type": "string" })
        };
        json!({ "name": name, "in": "query", "description": meaning, "schema": schema })
    }));
    let success = match endpoint.reply {
        Some(shape) => {
            json!({ "description": "Done", "content": { "application/json": { "schema": shape(generator) } } })
        }
        None => json!({ "description": "Done" }),
    };
    let failure = json!({
        "description": "Not done, and why",
        "content": { "application/problem+json": { "schema": problem } },
    });
    let mut operation = json!({
        "operationId": operation_id(endpoint),
        "summary": endpoint.summary,
        "parameters": parameters,
        "responses": { "2XX": success, "default": failure },
    });
    if let Some(fields) = operation.as_object_mut() {
        match endpoint.access {
            Access::Public => fields.insert("security".into(), json!([])),
            Access::Act(act) => fields.insert(
                "description".into(),
                json!(format!("Needs the role {} or a higher one.", act.least_role().name())),
            ),
        };
        if let Some(shape) = endpoint.body {
            let content = json!({ "application/json": { "schema": shape(generator) } });
            fields.insert("requestBody".into(), json!({ "required": true, "content": content }));
        }
    }
    operation
}

/// `get-identities-id-timeline`.
fn operation_id(endpoint: &Endpoint) -> String {
    let path = endpoint
        .path
        .trim_start_matches("/api/v1/")
        .replace(['{', '}'], "")
        .replace(['/', '.'], "-");
    format!("{}-{path}", endpoint.verb.name().to_ascii_lowercase())
}

fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn s<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

fn schema(value: Value) -> Schema {
    Schema::try_from(value).unwrap_or_default()
}

fn array(items: Value) -> Value {
    object_of([("type", "array".into()), ("items", items)])
}

fn list(items: Value) -> Schema {
    schema(array(items))
}

fn object_of<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(members.map(|(name, value)| (name.to_owned(), value)).into_iter().collect())
}

/// An object whose named fields are all there.
fn fields(properties: Value) -> Value {
    let required: Vec<Value> = properties
        .as_object()
        .map(|map| map.keys().map(|name| name.as_str().into()).collect())
        .unwrap_or_default();
    object_of([
        ("type", "object".into()),
        ("required", required.into()),
        ("properties", properties),
    ])
}

fn or_null(of: Value) -> Value {
    object_of([("anyOf", Value::Array(vec![of, json!({ "type": "null" })]))])
}

pub(crate) fn object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object" })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn number() -> Value {
    json!({ "type": "integer" })
}

fn row<R: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    let (time, record) = (s::<Time>(generator), s::<R>(generator));
    let owner = fields(
        json!({ "party": s::<Party>(generator), "method": text(), "confidence": { "type": "number" } }),
    );
    fields(json!({
        "record": record, "source": text(), "connector": text(), "source_name": text(), "seen_from": time,
        "seen_to": or_null(time.clone()), "last_seen": time, "valid_from": time, "owner": or_null(owner),
    }))
}

fn listing_of(items: Value, generator: &mut SchemaGenerator) -> Schema {
    let coverage = s::<app::inventory::CoverageSummary>(generator);
    let time = s::<Time>(generator);
    schema(fields(json!({
        "items": array(items),
        "next": { "type": ["string", "null"], "description": "`after` of the next page" },
        "total": { "type": ["integer", "null"], "description": "null while it is being counted" },
        "facets": or_null(facet_list()),
        "as_of": or_null(time),
        "coverage": coverage,
    })))
}

pub(crate) fn listing<R: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let items = row::<R>(generator);
    listing_of(items, generator)
}

pub(crate) fn claims<R: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    list(row::<R>(generator))
}

fn facet_list() -> Value {
    let value = fields(json!({ "value": text(), "count": number() }));
    let facet = fields(
        json!({ "field": text(), "values": { "type": "array", "items": value }, "n_others": number() }),
    );
    json!({ "type": "array", "items": facet })
}

pub(crate) fn facets(_: &mut SchemaGenerator) -> Schema {
    schema(or_null(facet_list()))
}

fn finding_row(generator: &mut SchemaGenerator) -> Value {
    let time = s::<Time>(generator);
    fields(json!({
        "finding": s::<Finding>(generator), "state": s::<FindingState>(generator), "first_seen": time,
        "opened_at": time, "last_seen": time, "n_reopened": number(),
    }))
}

pub(crate) fn finding(generator: &mut SchemaGenerator) -> Schema {
    schema(finding_row(generator))
}

pub(crate) fn findings(generator: &mut SchemaGenerator) -> Schema {
    let items = finding_row(generator);
    listing_of(items, generator)
}

fn rows<R: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    json!({ "type": "array", "items": row::<R>(generator) })
}

pub(crate) fn identity_detail(generator: &mut SchemaGenerator) -> Schema {
    let time = s::<Time>(generator);
    schema(fields(json!({
        "claims": rows::<Identity>(generator), "gone_at": or_null(time), "credentials": rows::<Credential>(generator),
        "n_credentials": number(), "grants": rows::<Grant>(generator), "trusts_in": rows::<Trust>(generator),
        "trusts_out": rows::<Trust>(generator), "owners": rows::<OwnerLink>(generator), "owner_claim": or_null(claim(generator)),
        "children": rows::<Identity>(generator), "policies": rows::<PolicyDocument>(generator), "findings": { "type": "array", "items": finding_row(generator) },
    })))
}

pub(crate) fn credential_detail(generator: &mut SchemaGenerator) -> Schema {
    let time = s::<Time>(generator);
    schema(fields(json!({
        "claims": rows::<Credential>(generator), "gone_at": or_null(time), "identity": or_null(row::<Identity>(generator)),
        "places": rows::<Place>(generator), "same_secret": rows::<Credential>(generator),
        "findings": { "type": "array", "items": finding_row(generator) },
    })))
}

pub(crate) fn place_detail(generator: &mut SchemaGenerator) -> Schema {
    let time = s::<Time>(generator);
    schema(fields(json!({
        "claims": rows::<Place>(generator), "gone_at": or_null(time), "credentials": rows::<Credential>(generator),
        "n_credentials": number(), "container": or_null(row::<Place>(generator)),
    })))
}

pub(crate) fn versions(generator: &mut SchemaGenerator) -> Schema {
    let time = s::<Time>(generator);
    list(fields(json!({
        "source": text(), "connector": text(), "source_name": text(), "seen_from": time, "seen_to": or_null(time.clone()),
        "valid_from": time, "leads": { "type": "boolean" }, "changes": { "type": "array", "items": changed() },
    })))
}

fn changed() -> Value {
    fields(json!({ "field": text(), "before": true, "after": true }))
}

fn claim(generator: &mut SchemaGenerator) -> Value {
    fields(
        json!({ "identity": text(), "party": s::<Party>(generator), "by": text(), "reason": text(), "at": s::<Time>(generator) }),
    )
}

pub(crate) fn owner_claim(generator: &mut SchemaGenerator) -> Schema {
    schema(claim(generator))
}

pub(crate) fn owner_claims(generator: &mut SchemaGenerator) -> Schema {
    list(claim(generator))
}

pub(crate) fn coverage(generator: &mut SchemaGenerator) -> Schema {
    let time = s::<Time>(generator);
    let scope = fields(json!({
        "source": text(), "connector": text(), "source_name": text(), "sync": number(), "read_at": time,
        "last_complete_at": or_null(time), "coverage": s::<model::Coverage>(generator),
    }));
    schema(fields(json!({
        "summary": s::<app::inventory::CoverageSummary>(generator), "scopes": { "type": "array", "items": scope },
    })))
}

pub(crate) fn gaps(generator: &mut SchemaGenerator) -> Schema {
    let gap = fields(json!({
        "source": text(), "source_name": text(), "sync": number(), "scope": text(), "scope_kind": text(),
        "scope_name": text(), "gap": s::<Gap>(generator),
    }));
    listing_of(gap, generator)
}

pub(crate) fn today(generator: &mut SchemaGenerator) -> Schema {
    let maybe = || json!({ "type": ["integer", "null"] });
    let bars = json!({ "type": "array", "items": fields(json!({ "id": text(), "title": text(), "n": number(), "filters": { "type": "array" } })) });
    let alike = fields(json!({
        "rule": text(), "title": text(), "severity": s::<model::Severity>(generator), "n": number(),
        "filters": { "type": "array" }, "first": { "type": "array", "items": finding_row(generator) },
    }));
    schema(fields(json!({
        "at": s::<Time>(generator), "n_identities": maybe(), "n_credentials": maybe(), "n_places": maybe(), "n_orphaned": maybe(),
        "by_type": or_null(bars.clone()), "by_age": or_null(bars.clone()), "by_expiry": or_null(bars.clone()), "by_severity": bars,
        "attention": { "type": "array", "items": alike }, "coverage": s::<app::inventory::CoverageSummary>(generator),
        "held": { "type": "array", "items": fields(json!({ "id": text(), "name": text(), "until": s::<Time>(generator) })) },
    })))
}

pub(crate) fn diff(generator: &mut SchemaGenerator) -> Schema {
    let row = fields(json!({
        "diff": { "enum": ["added", "changed", "gone"] }, "id": text(), "kind": text(), "name": text(), "before": true,
        "after": true, "changes": { "type": "array", "items": changed() },
    }));
    let page = fields(
        json!({ "rows": { "type": "array", "items": row }, "next": { "type": ["string", "null"] } }),
    );
    let summary =
        fields(json!({ "list": text(), "added": number(), "changed": number(), "gone": number() }));
    let time = s::<Time>(generator);
    schema(fields(
        json!({ "from": time, "to": time, "summary": { "type": "array", "items": summary }, "page": page }),
    ))
}

pub(crate) fn hits(generator: &mut SchemaGenerator) -> Schema {
    let first = or_null(s::<model::StoredAt>(generator));
    let lies_in = fields(json!({ "first": first, "n_places": number() }));
    // Only credentials have the last.
    let hit = json!({
        "type": "object", "required": ["list", "id", "kind", "name"],
        "properties": { "list": text(), "id": text(), "kind": text(), "name": text(), "lies_in": lies_in },
    });
    list(hit)
}

fn sync(generator: &mut SchemaGenerator) -> Value {
    let time = s::<Time>(generator);
    fields(json!({
        "id": number(), "source": text(), "source_name": text(), "state": { "enum": ["running", "committed", "failed"] },
        "started_at": time, "finished_at": or_null(time), "summary": or_null(json!({ "type": "object" })),
        "error": { "type": ["string", "null"] },
    }))
}

pub(crate) fn syncs(generator: &mut SchemaGenerator) -> Schema {
    let items = sync(generator);
    listing_of(items, generator)
}

fn source_view(generator: &mut SchemaGenerator) -> Value {
    let time = s::<Time>(generator);
    fields(json!({
        "id": text(), "connector": text(), "name": text(), "settings": text(), "every_s": { "type": ["integer", "null"] },
        "enabled": { "type": "boolean" }, "created_at": time, "last_sync": or_null(sync(generator)),
        "cut_off_again": { "type": "boolean" }, "held_until": or_null(time.clone()),
        "last_committed_at": or_null(time), "title": text(), "running": { "type": "boolean" },
        "permissions": s::<Vec<app::sources::PermissionView>>(generator),
    }))
}

pub(crate) fn source(generator: &mut SchemaGenerator) -> Schema {
    schema(source_view(generator))
}

pub(crate) fn sources(generator: &mut SchemaGenerator) -> Schema {
    list(source_view(generator))
}

pub(crate) fn me(_: &mut SchemaGenerator) -> Schema {
    schema(fields(
        json!({ "name": text(), "role": text(), "via": { "type": "object" }, "may": { "type": "array", "items": text() } }),
    ))
}

fn person_of(generator: &mut SchemaGenerator) -> Value {
    let time = s::<Time>(generator);
    fields(json!({
        "id": number(), "login": text(), "name": text(), "role": text(), "created_at": time, "disabled_at": or_null(time),
    }))
}

pub(crate) fn person(generator: &mut SchemaGenerator) -> Schema {
    schema(person_of(generator))
}

pub(crate) fn people(generator: &mut SchemaGenerator) -> Schema {
    list(person_of(generator))
}

fn token_of(generator: &mut SchemaGenerator) -> Value {
    let time = s::<Time>(generator);
    fields(json!({
        "id": number(), "person": number(), "name": text(), "prefix": text(), "role": text(), "created_at": time,
        "expires_at": time, "last_used_at": or_null(time.clone()), "revoked_at": or_null(time),
    }))
}

pub(crate) fn token(generator: &mut SchemaGenerator) -> Schema {
    schema(token_of(generator))
}

pub(crate) fn tokens(generator: &mut SchemaGenerator) -> Schema {
    list(token_of(generator))
}

pub(crate) fn sessions(generator: &mut SchemaGenerator) -> Schema {
    let time = s::<Time>(generator);
    list(fields(json!({
        "id": text(), "login": text(), "created_at": time, "expires_at": time, "last_used_at": time, "agent": text(),
    })))
}

pub(crate) fn audit(generator: &mut SchemaGenerator) -> Schema {
    list(fields(json!({
        "number": number(), "at": s::<Time>(generator), "actor": text(), "act": text(), "subject": text(),
        "phase": { "enum": ["before", "done", "failed"] }, "detail": true,
    })))
}

/// The reply of one endpoint as a document of its own, for tests.
#[cfg(test)]
pub(crate) fn reply_schema(shape: crate::routes::Shape) -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = shape(&mut generator).to_value();
    if let Some(map) = schema.as_object_mut() {
        map.insert("$defs".into(), Value::Object(generator.take_definitions(true)));
    }
    schema
}
