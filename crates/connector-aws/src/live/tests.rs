//! What a stand-in does not do: haste, refusals, ends of credentials, and operations that it lacks.
//! The server here speaks the protocols with replies in the form of the API models.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use connectors::{Machine, Settings};
use model::{Batch, Time};

use super::*;
use crate::saved;

/// What was asked: the operation by its name or path, with how often it was before.
type Script = fn(&str, usize) -> Option<(u16, String)>;

/// A server that answers as the script says, and otherwise that there is nothing.
fn serve(script: Script) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let times: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
    let log = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (log, times) = (Arc::clone(&log), Arc::clone(&times));
            std::thread::spawn(move || answer(stream, script, &log, &times));
        }
    });
    (endpoint, asked)
}

fn answer(
    mut stream: TcpStream,
    script: Script,
    log: &Mutex<Vec<String>>,
    times: &Mutex<BTreeMap<String, usize>>,
) {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    loop {
        let Ok(n @ 1..) = stream.read(&mut part) else { return };
        bytes.extend_from_slice(&part[..n]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let of = |name: &str| {
            let mut heads = head.lines().filter_map(|line| line.split_once(": "));
            heads.find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
        };
        let length: usize = of("content-length").map_or(0, |it| it.parse().unwrap());
        if body.len() < length {
            continue;
        }
        let line = head.lines().next().unwrap();
        let line = line.trim_end_matches(" HTTP/1.1").to_owned();
        let name = match (of("x-amz-target"), line.as_str()) {
            (Some(target), _) => format!("{} {body}", target.split('.').nth(1).unwrap()),
            (None, "POST /") => body.trim_start_matches("Action=").to_owned(),
            (None, path) => path.to_owned(),
        };
        log.lock().unwrap().push(format!("{name} {}", of("authorization").unwrap_or_default()));
        let n = {
            let mut times = times.lock().unwrap();
            let n = times.entry(name.clone()).or_default();
            *n += 1;
            *n - 1
        };
        let is_xml = of("content-type").is_some_and(|it| it.contains("form"));
        let nothing = || (200, if is_xml { "<R/>".into() } else { "{}".into() });
        let (status, body) = script(&name, n).unwrap_or_else(nothing);
        let reply = format!(
            "HTTP/1.1 {status} x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(reply.as_bytes()).unwrap();
        return;
    }
}

fn with_request<T>(endpoint: &str, act: impl FnOnce(&Request<'_>) -> T) -> T {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    std::fs::write(
        &keys,
        "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = plainly-fake\n",
    )
    .unwrap();
    let settings = Settings::default()
        .with("sign_in", ["keys"])
        .with("keys_file", [keys.display().to_string()])
        .with("regions", ["eu-west-1"])
        .with("endpoint", [endpoint]);
    let machine = Machine { id: "m".into(), name: "m".into(), root: Path::new("/").into() };
    act(&Request {
        settings: &settings,
        machine: &machine,
        now: Time::from_seconds(1_795_305_600),
        fingerprinter: None,
        progress: &|_| {},
        cancel: &AtomicBool::new(false),
    })
}

fn read(endpoint: &str) -> Result<Batch, SourceError> {
    with_request(endpoint, |request| saved::discover_live(request, collect(request)?))
}

fn gaps(batch: &Batch) -> Vec<String> {
    let gaps = batch.coverage.iter().flat_map(|coverage| &coverage.gaps);
    let mut lines: Vec<String> = gaps
        .map(|gap| {
            let detail = gap.detail.as_ref().map(ToString::to_string).unwrap_or_default();
            let missing = gap.missing.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("{} {} [{detail}] [{missing}]", gap.locus, gap.reason.name())
        })
        .collect();
    lines.sort();
    lines
}

#[expect(clippy::unnecessary_wraps, reason = "an answer of a script")]
fn query(action: &str, result: &str) -> Option<(u16, String)> {
    Some((200, format!("<R><{action}Result>{result}</{action}Result></R>")))
}

#[expect(clippy::unnecessary_wraps, reason = "an answer of a script")]
fn error(status: u16, code: &str) -> Option<(u16, String)> {
    Some((status, format!("<E><Error><Code>{code}</Code><Message>because</Message></Error></E>")))
}

const WHO: &str =
    "<Account>111122223333</Account><Arn>arn:aws:iam::111122223333:user/t</Arn><UserId>U</UserId>";

fn role(name: &str) -> String {
    format!(
        "<member><RoleName>{name}</RoleName><Arn>arn:aws:iam::111122223333:role/{name}</Arn>\
         <AssumeRolePolicyDocument>%7B%22Statement%22%3A%5B%5D%7D</AssumeRolePolicyDocument>\
         <RoleLastUsed/></member>"
    )
}

fn shop(asked: &str, n: usize) -> Option<(u16, String)> {
    let action = asked.split('&').next().unwrap();
    match action {
        "GetCallerIdentity" => query(action, WHO),
        // Twice too fast, then a page, then the last.
        "GetAccountAuthorizationDetails" if asked.contains("Marker=more") => query(
            action,
            &format!("<RoleDetailList>{}</RoleDetailList><IsTruncated>false</IsTruncated>", role("b")),
        ),
        "GetAccountAuthorizationDetails" if n < 2 => error(400, "Throttling"),
        "GetAccountAuthorizationDetails" => query(
            action,
            &format!(
                "<UserDetailList><member><UserName>u</UserName>\
                 <Arn>arn:aws:iam::111122223333:user/u</Arn></member></UserDetailList>\
                 <RoleDetailList>{}</RoleDetailList>\
                 <IsTruncated>true</IsTruncated><Marker>more</Marker>",
                role("a")
            ),
        ),
        "GetCredentialReport" if n < 2 => error(410, "ReportInProgress"),
        "ListAccessKeys" => error(403, "AccessDenied"),
        "ListMFADevices" if n == 0 => error(500, "InternalFailure"),
        "ListServerCertificates" => error(503, "ServiceUnavailable"),
        // Credentials that have ended are asked for anew.
        "ListSAMLProviders" if n == 0 => error(403, "ExpiredToken"),
        "ListOpenIDConnectProviders" => error(400, "ValidationError"),
        "GenerateServiceLastAccessedDetails" => {
            let role = asked.rsplit("%2F").next().unwrap();
            query(action, &format!("<JobId>job-{role}</JobId>"))
        }
        "GetServiceLastAccessedDetails" if n == 0 => {
            query(action, "<JobStatus>IN_PROGRESS</JobStatus>")
        }
        "GetServiceLastAccessedDetails" => query(
            action,
            "<JobStatus>COMPLETED</JobStatus><ServicesLastAccessed><member>\
             <ServiceNamespace>s3</ServiceNamespace><ServiceName>S3</ServiceName>\
             <LastAuthenticated>2026-11-01T00:00:00Z</LastAuthenticated></member><member>\
             <ServiceNamespace>ec2</ServiceNamespace><ServiceName>EC2</ServiceName></member>\
             </ServicesLastAccessed>",
        ),
        "GET /clusters" => Some((200, r#"{"clusters": ["prod"]}"#.into())),
        "GET /clusters/prod/pod-identity-associations" => {
            Some((200, r#"{"associations": [{"associationId": "a-1"}]}"#.into()))
        }
        "GET /clusters/prod/pod-identity-associations/a-1" => Some((
            200,
            r#"{"association": {"associationId": "a-1", "clusterName": "prod", "namespace": "web",
                "serviceAccount": "api", "roleArn": "arn:aws:iam::111122223333:role/a"}}"#
                .into(),
        )),
        "GET /clusters/prod/access-entries" => {
            Some((200, r#"{"accessEntries": ["arn:aws:iam::111122223333:role/b"]}"#.into()))
        }
        "GET /clusters/prod/access-entries/arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fb" => Some((
            200,
            r#"{"accessEntry": {"clusterName": "prod", "username": "b",
                "principalArn": "arn:aws:iam::111122223333:role/b",
                "accessEntryArn": "arn:aws:eks:eu-west-1:111122223333:access-entry/prod/role/b",
                "kubernetesGroups": ["ops"]}}"#
                .into(),
        )),
        "GET /profiles" => Some((
            200,
            r#"{"profiles": [{"profileArn": "arn:aws:rolesanywhere:eu-west-1:111122223333:profile/p",
                "roleArns": ["arn:aws:iam::111122223333:role/a"], "enabled": true}]}"#
                .into(),
        )),
        _ => None,
    }
}

#[test]
fn haste_refusals_and_ends_are_borne() {
    let (endpoint, asked) = serve(shop);
    let batch = read(&endpoint).unwrap();
    assert_eq!(
        gaps(&batch),
        [
            "111122223333 us-east-1 aws iam list-access-keys u denied [403 AccessDenied: because] \
             [iam:ListAccessKeys]",
            "111122223333 us-east-1 aws iam list-open-id-connect-providers failed [400 \
             ValidationError: because] []",
            "111122223333 us-east-1 aws iam list-server-certificates failed [503 \
             ServiceUnavailable: because] []",
        ]
    );
    let mut trusts: Vec<String> =
        batch.trusts.iter().map(|it| format!("{} {}", it.mechanism, it.native_id)).collect();
    trusts.sort();
    assert_eq!(
        trusts,
        [
            "access-entry arn:aws:eks:eu-west-1:111122223333:access-entry/prod/role/b",
            "pod-identity a-1",
            "roles-anywhere arn:aws:rolesanywhere:eu-west-1:111122223333:profile/p",
        ]
    );
    for name in ["a", "b"] {
        let role = batch.identities.iter().find(|it| it.name == name && it.kind == "iam-role");
        let role = role.unwrap();
        assert!(role.facts.get("services_unused").is_some(), "{:?}", role.facts);
    }
    let asked = asked.lock().unwrap();
    assert!(asked.iter().all(|line| line.contains("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7")));
    assert!(!asked.iter().any(|line| line.contains("plainly-fake")));
    let n_of = |name: &str| asked.iter().filter(|line| line.starts_with(name)).count();
    assert_eq!(n_of("ListServerCertificates"), 4);
    assert_eq!(n_of("ListAccessKeys"), 1);
}

#[test]
fn who_is_not_let_in_is_told_so() {
    let check = |script: Script, expected: &str| {
        let (endpoint, _) = serve(script);
        let told = with_request(&endpoint, test).unwrap_or_else(|error| error.to_string());
        assert!(told.contains(expected), "{told}");
    };
    check(
        |_, _| query("GetCallerIdentity", WHO),
        "signed in as arn:aws:iam::111122223333:user/t, account 111122223333",
    );
    check(|_, _| error(403, "InvalidClientTokenId"), "not signed in: 403 InvalidClientTokenId");
    check(|_, _| Some((200, "<html>".into())), "not reachable");
    check(|_, _| query("GetCallerIdentity", "<Account>../x</Account>"), "not understood");
}

#[test]
fn a_service_that_turns_in_a_circle_is_left() {
    let (endpoint, asked) = serve(|asked, _| match asked.split('&').next().unwrap() {
        "GetCallerIdentity" => query("GetCallerIdentity", WHO),
        "ListKeys {}" => Some((200, r#"{"Keys": [], "NextMarker": "x"}"#.into())),
        r#"ListKeys {"Marker":"x"}"# => Some((200, r#"{"Keys": [], "NextMarker": "x"}"#.into())),
        _ => None,
    });
    let batch = read(&endpoint).unwrap();
    assert_eq!(
        gaps(&batch),
        [
            "111122223333 eu-west-1 aws kms list-keys malformed [the same page is told again and again] []"
        ]
    );
    assert_eq!(asked.lock().unwrap().iter().filter(|it| it.starts_with("ListKeys")).count(), 2);
}

#[test]
fn nothing_listens_or_nobody_wants_it_any_more() {
    let told = with_request("http://127.0.0.1:9", test).unwrap_err().to_string();
    assert!(told.starts_with("not reachable: STS"), "{told}");
    let (endpoint, _) = serve(shop);
    let cancelled = with_request(&endpoint, |request| {
        let cancel = AtomicBool::new(true);
        collect(&Request { cancel: &cancel, ..*request }).unwrap_err().to_string()
    });
    assert_eq!(cancelled, SourceError::Cancelled.to_string());
}
