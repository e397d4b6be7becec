//! A record of CloudTrail, with the fields that attribution needs and nothing else taken out.
//!
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>

use std::borrow::Cow;

use model::Time;

use crate::json::{Read, Scanner};

type Text<'a> = Option<Cow<'a, str>>;

/// One record. What a record does not state is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event<'a> {
    pub id: Text<'a>,
    /// The same in every account's copy of one call.
    pub shared_id: Text<'a>,
    pub time: Option<Time>,
    pub source: Text<'a>,
    pub name: Text<'a>,
    pub region: Text<'a>,
    pub source_address: Text<'a>,
    pub user_agent: Text<'a>,
    pub error_code: Text<'a>,
    pub has_error_message: bool,
    pub kind: Text<'a>,
    pub category: Text<'a>,
    /// The account whose trail this copy is from.
    pub recipient_account: Text<'a>,
    pub vpc_endpoint: Text<'a>,
    pub tls_version: Text<'a>,
    pub is_from_console: bool,
    /// `userIdentity` as it stands; see [`Event::caller`].
    pub caller: &'a str,
    /// JSON as it stands; empty where the record has none.
    pub request: &'a str,
    pub response: &'a str,
    pub resources: &'a str,
    /// The whole record as it stands.
    pub raw: &'a str,
}

/// `userIdentity`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller<'a> {
    pub kind: Text<'a>,
    pub principal_id: Text<'a>,
    pub arn: Text<'a>,
    pub account: Text<'a>,
    pub access_key: Text<'a>,
    pub user_name: Text<'a>,
    pub invoked_by: Text<'a>,
    pub identity_provider: Text<'a>,
    /// Who the identity acts for: a user of IAM Identity Center.
    pub on_behalf_of: Text<'a>,
    pub issuer: Issuer<'a>,
    pub source_identity: Text<'a>,
    pub has_mfa: Option<bool>,
    pub federated_provider: Text<'a>,
    /// `sub` of the token or assertion with which the session began.
    pub federated_subject: Text<'a>,
}

/// `sessionContext.sessionIssuer`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Issuer<'a> {
    pub kind: Text<'a>,
    pub arn: Text<'a>,
    pub account: Text<'a>,
}

/// What an object in a file of events is.
#[derive(Debug)]
pub(crate) enum Item<'a> {
    Record(Box<Event<'a>>),
    /// An envelope; the scanner stands at the `[` of its list.
    List,
    /// An envelope that holds the record as JSON in a string.
    Embedded(Cow<'a, str>),
    /// What it is, as far as that can be told.
    Other(&'static str),
}

/// Lists of records in envelopes: trails; `lookup-events`; CloudWatch Logs; CloudTrail Lake.
const LISTS: &[&str] = &["Records", "Events", "events", "logEvents", "QueryResultRows"];
/// Strings that hold a whole record.
const EMBEDDED: &[&str] = &["CloudTrailEvent", "eventJson", "eventjson", "message"];

pub(crate) const NO_RECORD: &str = "no record of CloudTrail: it lacks `eventSource` or `eventName`";

pub(crate) fn is_list(key: &str) -> bool {
    LISTS.contains(&key)
}

/// Reads the object at which the scanner stands.
pub(crate) fn item<'a>(scanner: &mut Scanner<'a>) -> Read<Item<'a>> {
    scanner.peek()?;
    let from = scanner.at;
    let mut event = Event::default();
    let mut embedded = None;
    let mut detail: Option<Box<Event<'a>>> = None;
    let mut is_digest = false;
    let is_read = scanner.object(|scanner, key| {
        let key = key.get();
        if member(&mut event, scanner, &key)? {
            return Ok(true);
        }
        let is_envelope = event.name.is_none();
        match scanner.peek()? {
            b'[' if is_envelope && is_list(&key) => return Ok(false),
            b'"' if is_envelope && EMBEDDED.contains(&&*key) => embedded = scanner.text()?,
            b'{' if is_envelope && key == "detail" => detail = Some(Box::new(record(scanner)?)),
            _ => {
                is_digest |= key == "digestS3Object";
                scanner.skip()?;
            }
        }
        Ok(true)
    })?;
    if !is_read {
        return Ok(Item::List);
    }
    event.raw = scanner.slice(from, scanner.at);
    Ok(match (event.is_record(), detail, embedded) {
        (true, ..) => Item::Record(Box::new(event)),
        (_, Some(detail), _) if detail.is_record() => Item::Record(detail),
        (_, _, Some(embedded)) if embedded.trim_start().starts_with('{') => {
            Item::Embedded(embedded)
        }
        _ if is_digest => Item::Other("a digest file of CloudTrail, which holds no events"),
        _ => Item::Other(NO_RECORD),
    })
}

/// A record and nothing around it.
pub(crate) fn record<'a>(scanner: &mut Scanner<'a>) -> Read<Event<'a>> {
    scanner.peek()?;
    let from = scanner.at;
    let mut event = Event::default();
    scanner.object(|scanner, key| {
        if !member(&mut event, scanner, &key.get())? {
            scanner.skip()?;
        }
        Ok(true)
    })?;
    event.raw = scanner.slice(from, scanner.at);
    Ok(event)
}

impl<'a> Event<'a> {
    /// Who called. Read only when asked: many records in a row have the same.
    pub fn caller(&self) -> Caller<'a> {
        if self.caller.starts_with('{') {
            // It was read before as a part of its record.
            caller(&mut Scanner::new(self.caller)).unwrap_or_default()
        } else {
            Caller::default()
        }
    }

    /// Bytes of the longest of what is kept of it.
    pub(crate) fn longest_field(&self) -> usize {
        let fields = [
            &self.id,
            &self.shared_id,
            &self.source,
            &self.name,
            &self.region,
            &self.source_address,
            &self.user_agent,
            &self.error_code,
            &self.kind,
            &self.category,
            &self.recipient_account,
            &self.vpc_endpoint,
            &self.tls_version,
        ];
        let lengths = fields.iter().map(|field| field.as_ref().map_or(0, |text| text.len()));
        lengths.fold(self.caller.len(), usize::max)
    }

    pub(crate) fn is_record(&self) -> bool {
        self.name.is_some() && self.source.is_some()
    }
}

/// Takes a field of a record; false when the key is none of those that are taken.
#[inline]
fn member<'a>(event: &mut Event<'a>, scanner: &mut Scanner<'a>, key: &str) -> Read<bool> {
    let field = match key.as_bytes() {
        b"userIdentity" => {
            event.caller = scanner.raw()?;
            return Ok(true);
        }
        b"eventTime" => {
            event.time = scanner.text()?.and_then(|text| time(&text));
            return Ok(true);
        }
        b"requestParameters" => {
            event.request = scanner.raw()?;
            return Ok(true);
        }
        b"responseElements" => {
            event.response = scanner.raw()?;
            return Ok(true);
        }
        b"resources" => {
            event.resources = scanner.raw()?;
            return Ok(true);
        }
        b"errorMessage" => {
            event.has_error_message = scanner.peek()? == b'"';
            scanner.skip()?;
            return Ok(true);
        }
        b"tlsDetails" => {
            if scanner.peek()? == b'{' {
                scanner.object(|scanner, key| {
                    if key.get() == "tlsVersion" {
                        event.tls_version = scanner.text()?;
                    } else {
                        scanner.skip()?;
                    }
                    Ok(true)
                })?;
            } else {
                scanner.skip()?;
            }
            return Ok(true);
        }
        b"sessionCredentialFromConsole" => {
            event.is_from_console = is_true(scanner.raw()?);
            return Ok(true);
        }
        b"eventID" => &mut event.id,
        b"sharedEventID" => &mut event.shared_id,
        b"eventSource" => &mut event.source,
        b"eventName" => &mut event.name,
        b"awsRegion" => &mut event.region,
        b"sourceIPAddress" => &mut event.source_address,
        b"userAgent" => &mut event.user_agent,
        b"errorCode" => &mut event.error_code,
        b"eventType" => &mut event.kind,
        b"eventCategory" => &mut event.category,
        b"recipientAccountId" => &mut event.recipient_account,
        b"vpcEndpointId" => &mut event.vpc_endpoint,
        _ => return Ok(false),
    };
    *field = scanner.text()?.filter(|text| !text.is_empty());
    Ok(true)
}

fn caller<'a>(scanner: &mut Scanner<'a>) -> Read<Caller<'a>> {
    let mut caller = Caller::default();
    scanner.object(|scanner, key| {
        let is_object = scanner.peek()? == b'{';
        let field = match key.get().as_bytes() {
            b"sessionContext" if is_object => {
                session(&mut caller, scanner)?;
                return Ok(true);
            }
            b"onBehalfOf" if is_object => {
                scanner.object(|scanner, key| {
                    if key.get() == "userId" {
                        caller.on_behalf_of = scanner.text()?;
                    } else {
                        scanner.skip()?;
                    }
                    Ok(true)
                })?;
                return Ok(true);
            }
            b"type" => &mut caller.kind,
            b"principalId" => &mut caller.principal_id,
            b"arn" => &mut caller.arn,
            b"accountId" => &mut caller.account,
            b"accessKeyId" => &mut caller.access_key,
            b"userName" => &mut caller.user_name,
            b"invokedBy" => &mut caller.invoked_by,
            b"identityProvider" => &mut caller.identity_provider,
            _ => {
                scanner.skip()?;
                return Ok(true);
            }
        };
        *field = scanner.text()?.filter(|text| !text.is_empty());
        Ok(true)
    })?;
    Ok(caller)
}

fn session<'a>(caller: &mut Caller<'a>, scanner: &mut Scanner<'a>) -> Read<()> {
    scanner.object(|scanner, key| {
        let is_object = scanner.peek()? == b'{';
        match key.get().as_bytes() {
            b"sessionIssuer" if is_object => {
                scanner.object(|scanner, key| {
                    let field = match key.get().as_bytes() {
                        b"type" => &mut caller.issuer.kind,
                        b"arn" => &mut caller.issuer.arn,
                        b"accountId" => &mut caller.issuer.account,
                        _ => {
                            scanner.skip()?;
                            return Ok(true);
                        }
                    };
                    *field = scanner.text()?.filter(|text| !text.is_empty());
                    Ok(true)
                })?;
            }
            b"attributes" if is_object => {
                scanner.object(|scanner, key| {
                    if key.get() == "mfaAuthenticated" {
                        caller.has_mfa = Some(is_true(scanner.raw()?));
                    } else {
                        scanner.skip()?;
                    }
                    Ok(true)
                })?;
            }
            b"webIdFederationData" if is_object => {
                scanner.object(|scanner, key| {
                    match key.get().as_bytes() {
                        b"federatedProvider" => caller.federated_provider = scanner.text()?,
                        b"attributes" if scanner.peek()? == b'{' => {
                            scanner.object(|scanner, key| {
                                // `token.actions.githubusercontent.com:sub`
                                if key.get().ends_with(":sub") {
                                    caller.federated_subject = scanner.text()?;
                                } else {
                                    scanner.skip()?;
                                }
                                Ok(true)
                            })?;
                        }
                        _ => scanner.skip()?,
                    }
                    Ok(true)
                })?;
            }
            b"sourceIdentity" => caller.source_identity = scanner.text()?,
            _ => scanner.skip()?,
        }
        Ok(true)
    })?;
    Ok(())
}

/// Some services write it as a string.
fn is_true(raw: &str) -> bool {
    raw.trim_matches('"') == "true"
}

/// `2026-11-22T10:00:00Z`, the form of every record, without a library's generality.
fn time(text: &str) -> Option<Time> {
    let bytes: &[u8; 20] = match text.as_bytes().try_into() {
        Ok(bytes) => bytes,
        Err(_) => return text.parse().ok(),
    };
    let [
        y1,
        y2,
        y3,
        y4,
        b'-',
        m1,
        m2,
        b'-',
        d1,
        d2,
        b'T',
        h1,
        h2,
        b':',
        n1,
        n2,
        b':',
        s1,
        s2,
        b'Z',
    ] = bytes
    else {
        return text.parse().ok();
    };
    let number = |digits: &[&u8]| {
        digits.iter().try_fold(0_i64, |sum, digit| {
            digit.is_ascii_digit().then(|| sum * 10 + i64::from(**digit - b'0'))
        })
    };
    let (year, month, day) = (number(&[y1, y2, y3, y4])?, number(&[m1, m2])?, number(&[d1, d2])?);
    let (hour, minute, second) = (number(&[h1, h2])?, number(&[n1, n2])?, number(&[s1, s2])?);
    if !(1..=12).contains(&month)
        || !(1..=28).contains(&day)
        || hour > 23
        || minute > 59
        || second > 59
    {
        return text.parse().ok();
    }
    // Days of the civil calendar, in years that begin in March.
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    Some(Time::from_seconds(((days * 24 + hour) * 60 + minute) * 60 + second))
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn times_are_those_of_the_general_reader(seconds in -62_135_596_800_i64..253_402_300_799) {
            let time_of = Time::from_seconds(seconds);
            proptest::prop_assert_eq!(time(&time_of.to_string()), Some(time_of));
        }
    }

    #[test]
    fn times_that_are_none() {
        for text in [
            "",
            "2026-02-30T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-22T24:00:00Z",
            "yesterday at noon it",
        ] {
            assert_eq!(time(text), None, "{text}");
        }
        assert!(time("2026-02-28T00:00:00Z").is_some());
        assert!(time("2024-02-29T00:00:00.5Z").is_some());
    }
}
