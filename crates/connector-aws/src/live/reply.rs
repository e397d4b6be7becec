//! What came back from a request: members by name, whatever the protocol; or an error by its code.

use serde_json::{Map, Value};

use crate::live::operations::{Operation, Protocol};
use crate::live::xml;

/// What a service replied with a status of success, as the CLI would print it; `None` when it is
/// nothing of the kind.
pub(crate) fn output(operation: &Operation, bytes: &[u8]) -> Option<Value> {
    match operation.service.protocol {
        Protocol::Query(_) => {
            let reply = xml::read(bytes, false)?;
            // `ListUsersResult` beside the request's id; what replies nothing has none.
            let result = format!("{}Result", operation.action);
            Some(reply.get(&result).cloned().unwrap_or_else(|| Value::Object(Map::new())))
        }
        Protocol::Ec2(_) => xml::read(bytes, true),
        Protocol::S3 if bytes.trim_ascii_start().starts_with(b"{") => {
            let policy = std::str::from_utf8(bytes).ok()?;
            Some(Value::Object(Map::from_iter([("Policy".into(), policy.into())])))
        }
        Protocol::S3 => {
            let mut reply = xml::read(bytes, false)?;
            flatten_buckets(&mut reply);
            Some(reply)
        }
        Protocol::Json(..) | Protocol::Rest => serde_json::from_slice(bytes).ok(),
    }
}

/// `Buckets` holds elements called `Bucket`.
fn flatten_buckets(reply: &mut Value) {
    let Some(buckets) = reply.get_mut("Buckets") else { return };
    if let Some(inner) = buckets.get_mut("Bucket") {
        let inner = inner.take();
        *buckets = if inner.is_array() { inner } else { Value::Array(vec![inner]) };
    }
}

/// An error as a service says it. The message is shown to people, never branched on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// Characters of a message that are kept.
const MAX_MESSAGE: usize = 400;

/// The error in a reply: a `Code` in XML; `__type` or the head `x-amzn-errortype` in JSON.
pub(crate) fn refusal(head: Option<&str>, bytes: &[u8]) -> Refusal {
    let reply: Value = serde_json::from_slice(bytes)
        .ok()
        .or_else(|| xml::read(bytes, false))
        .unwrap_or(Value::Null);
    // `Error` of a query, `Errors` with an `Error` of EC2, and S3's is the document itself.
    let error = reply.get("Error").or_else(|| reply.get("Errors")?.get("Error")).unwrap_or(&reply);
    let of = |names: &[&str]| names.iter().find_map(|name| error.get(*name)?.as_str());
    let code = head.or_else(|| of(&["__type", "Code", "code"])).unwrap_or_default();
    let code = code.split(':').next().unwrap_or_default();
    let code = code.rsplit('#').next().unwrap_or_default();
    let message = of(&["message", "Message", "errorMessage"]).unwrap_or_default();
    Refusal { code: kept(code), message: kept(message) }
}

fn kept(text: &str) -> String {
    text.chars().take(MAX_MESSAGE).collect()
}

/// What is to be done about a reply that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// There is nothing of the kind.
    Nothing,
    /// It is not ready yet.
    Pending,
    /// Too many requests.
    Throttled,
    /// A fault of the service, which may be over the next time.
    Faulty,
    Denied,
    /// The credentials are none, or no longer.
    SignedOut,
    Wrong,
}

impl Refusal {
    pub(crate) fn verdict(&self, operation: &Operation, status: u16) -> Verdict {
        let code = self.code.as_str();
        if operation.nothing.contains(&code) {
            return Verdict::Nothing;
        }
        if operation.pending.contains(&code) {
            return Verdict::Pending;
        }
        match code {
            "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "Throttled"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "RequestLimitExceeded"
            | "TooManyRequestsException"
            | "BandwidthLimitExceeded"
            | "LimitExceededException"
            | "SlowDown"
            | "PriorRequestNotComplete"
            | "EC2ThrottledException"
            | "ProvisionedThroughputExceededException" => Verdict::Throttled,
            "AccessDenied"
            | "AccessDeniedException"
            | "AccessDeniedForDependencyException"
            | "UnauthorizedOperation"
            | "AuthorizationError"
            | "KMSAccessDeniedException"
            | "Client.UnauthorizedOperation" => Verdict::Denied,
            "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "RequestExpired"
            | "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "InvalidSignatureException"
            | "IncompleteSignature"
            | "AuthFailure"
            | "OptInRequired"
            | "InvalidToken" => Verdict::SignedOut,
            _ if status == 429 => Verdict::Throttled,
            _ if status >= 500 => Verdict::Faulty,
            _ if status == 403 => Verdict::Denied,
            _ => Verdict::Wrong,
        }
    }
}

/// Drops what no reader reads: of the elements of lists, and of an object that is the reply.
pub(crate) fn keep_only(reply: &mut Value, members: &[&str]) {
    if members.is_empty() {
        return;
    }
    let Value::Object(reply) = reply else { return };
    for value in reply.values_mut() {
        match value {
            Value::Object(object) => object.retain(|name, _| members.contains(&name.as_str())),
            Value::Array(list) => {
                for element in list.iter_mut().filter_map(Value::as_object_mut) {
                    element.retain(|name, _| members.contains(&name.as_str()));
                }
            }
            _ => {}
        }
    }
}

/// The values at members of a reply; a list stands for its elements, `*` for the element itself.
pub(crate) fn values_at(reply: &Value, at: &[&str]) -> Vec<String> {
    let mut values = vec![reply];
    for member in at {
        let of: Vec<&Value> = values
            .into_iter()
            .flat_map(|value| match value {
                Value::Array(list) => list.iter().collect(),
                one => vec![one],
            })
            .collect();
        values = if *member == "*" {
            of
        } else {
            of.into_iter().filter_map(|value| value.get(*member)).collect()
        };
    }
    values.into_iter().filter_map(Value::as_str).map(String::from).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::live::operations::{OF_ACCOUNT, WHO};

    fn of(call: &str) -> &'static Operation {
        OF_ACCOUNT.iter().find(|it| it.call == call).unwrap()
    }

    #[test]
    fn errors_are_told_by_their_codes() {
        let check =
            |call: &str, status: u16, head: Option<&str>, body: &str, code: &str, verdict| {
                let refusal = refusal(head, body.as_bytes());
                assert_eq!(refusal.code, code, "{body}");
                assert_eq!(refusal.verdict(of(call), status), verdict, "{body}");
            };
        use Verdict::{Denied, Faulty, Nothing, Pending, SignedOut, Throttled, Wrong};
        let query = |code: &str| {
            format!(
                "<ErrorResponse><Error><Code>{code}</Code><Message>m</Message></Error></ErrorResponse>"
            )
        };
        let users = "iam list-access-keys";
        check(users, 403, None, &query("AccessDenied"), "AccessDenied", Denied);
        check(users, 400, None, &query("Throttling"), "Throttling", Throttled);
        check(users, 404, None, &query("NoSuchEntity"), "NoSuchEntity", Nothing);
        check(users, 403, None, &query("InvalidClientTokenId"), "InvalidClientTokenId", SignedOut);
        check(
            "iam get-credential-report",
            410,
            None,
            &query("ReportInProgress"),
            "ReportInProgress",
            Pending,
        );
        check(
            "ec2 describe-instances",
            403,
            None,
            "<Response><Errors><Error><Code>UnauthorizedOperation</Code></Error></Errors></Response>",
            "UnauthorizedOperation",
            Denied,
        );
        check(
            "s3api get-bucket-policy",
            404,
            None,
            "<Error><Code>NoSuchBucketPolicy</Code></Error>",
            "NoSuchBucketPolicy",
            Nothing,
        );
        check(
            "kms get-key-policy",
            400,
            None,
            r#"{"__type": "com.amazonaws.kms#AccessDeniedException", "Message": "no"}"#,
            "AccessDeniedException",
            Denied,
        );
        check(
            "lambda get-policy",
            404,
            Some("ResourceNotFoundException:http://internal/"),
            "{}",
            "ResourceNotFoundException",
            Nothing,
        );
        check("kms list-keys", 503, None, "<html>", "", Faulty);
        check("kms list-keys", 429, None, "", "", Throttled);
        check("kms list-keys", 418, None, "{\"__type\": 7}", "", Wrong);
    }

    #[test]
    fn replies_of_every_protocol_are_members() {
        let check = |operation: &Operation, body: &str, expected: Value| {
            assert_eq!(output(operation, body.as_bytes()), Some(expected), "{body}");
        };
        check(
            &WHO,
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>1</Account>\
             </GetCallerIdentityResult><ResponseMetadata/></GetCallerIdentityResponse>",
            json!({"Account": "1"}),
        );
        let buckets = of("s3api list-buckets");
        check(
            buckets,
            "<R><Buckets><Bucket><Name>a</Name></Bucket></Buckets></R>",
            json!({"Buckets": [{"Name": "a"}]}),
        );
        check(
            buckets,
            "<R><Buckets><Bucket><Name>a</Name></Bucket><Bucket><Name>b</Name></Bucket></Buckets></R>",
            json!({"Buckets": [{"Name": "a"}, {"Name": "b"}]}),
        );
        check(buckets, "<R><Buckets/></R>", json!({"Buckets": []}));
        check(of("s3api get-bucket-policy"), "{\"a\": 1}", json!({"Policy": "{\"a\": 1}"}));
        assert_eq!(output(of("kms list-keys"), b"<html>"), None);
    }

    #[test]
    fn what_nobody_reads_is_dropped() {
        let mut reply = json!({"Functions": [{"Role": "r", "Environment": {"Variables": {"A": "b"}}}],
            "NextMarker": "n"});
        keep_only(&mut reply, of("lambda list-functions").keeps);
        assert_eq!(reply, json!({"Functions": [{"Role": "r"}], "NextMarker": "n"}));
    }

    #[test]
    fn values_are_found_in_lists() {
        let check = |reply: Value, at: &[&str], expected: &[&str]| {
            assert_eq!(values_at(&reply, at), expected, "{reply} {at:?}");
        };
        check(json!({"U": [{"N": "a"}, {"N": "b"}, {}]}), &["U", "N"], &["a", "b"]);
        check(json!({"U": ["a", 7, "b"]}), &["U", "*"], &["a", "b"]);
        check(json!({"J": "a"}), &["J"], &["a"]);
        check(json!({"U": "x"}), &["U", "N"], &[]);
        check(json!(null), &["U", "N"], &[]);
    }
}
