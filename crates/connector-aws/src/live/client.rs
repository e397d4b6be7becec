//! Sends requests: signed, one after the other as fast as a service wants them, again when it fails.

use std::cell::Cell;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use connectors::{Request, SourceError};
use model::{GapReason, Time};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::live::operations::{Operation, Protocol};
use crate::live::pace::Pace;
use crate::live::reply::{self, Refusal, Verdict};
use crate::live::request::{self, Parameters, Plain, place_of};
use crate::live::settings::Plan;
use crate::live::sign_in::Session;

/// What one reply may have. (A page of an account's details has some megabytes.)
pub(crate) const MAX_REPLY_BYTES: usize = 64 << 20;
const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_mins(1);
/// A request that fails for another reason than haste is made this often.
const MAX_TRIES: u32 = 4;
const AFTER_FAULT: Duration = Duration::from_millis(300);
/// One that comes too fast is made this often, at waits that end at 20 seconds.
const MAX_THROTTLED: u32 = 40;
/// A reply that is not ready is asked for this often.
const MAX_PENDING: u32 = 120;
const FIRST_PENDING: Duration = Duration::from_millis(250);
const LONGEST_PENDING: Duration = Duration::from_secs(5);

/// The moment at which the collection was asked for, and what has passed since.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    begun: Time,
    since: Instant,
}

impl Clock {
    pub(crate) fn starting(now: Time) -> Self {
        Self { begun: now, since: Instant::now() }
    }

    pub(crate) fn now(self) -> SystemTime {
        let micros = u64::try_from(self.begun.micros()).unwrap_or_default();
        SystemTime::UNIX_EPOCH + Duration::from_micros(micros) + self.since.elapsed()
    }
}

/// What asking came to.
#[derive(Debug)]
pub(crate) enum Answer {
    Reply(Value),
    /// There is nothing of the kind.
    Nothing,
    Missed(Missed),
}

/// Why there is no reply.
#[derive(Debug, Clone)]
pub(crate) struct Missed {
    pub(crate) reason: GapReason,
    pub(crate) detail: String,
}

impl Missed {
    fn new(reason: GapReason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

/// One service of one account in one region, as one asks it.
#[derive(Debug)]
pub(crate) struct Lane<'a> {
    pub(crate) session: &'a Session,
    pub(crate) region: &'a str,
    pub(crate) pace: Cell<Pace>,
}

pub(crate) struct Client<'a> {
    http: reqwest::Client,
    pub(crate) plan: &'a Plan,
    pub(crate) clock: Clock,
    pub(crate) request: &'a Request<'a>,
}

impl<'a> Client<'a> {
    pub(crate) fn new(request: &'a Request<'a>, plan: &'a Plan) -> Result<Self, SourceError> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("tutela/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| SourceError::Unreachable(format!("no TLS: {error}")))?;
        let clock = Clock::starting(request.now);
        Ok(Self { http, plan, clock, request })
    }

    /// Asks until there is an answer, or none is to be had.
    pub(crate) async fn ask(
        &self,
        lane: &Lane<'_>,
        operation: &'static Operation,
        parameters: &Parameters,
        page: Option<&str>,
    ) -> Answer {
        let (host, region) = place_of(operation.service, lane.region);
        let host = self.plan.endpoint.as_deref().unwrap_or(&host);
        let plain = request::plain(operation, host, parameters, page);
        let (mut n_failed, mut n_throttled, mut n_pending) = (0, 0, 0);
        let mut pending = FIRST_PENDING;
        loop {
            sleep(lane.pace.get().wait).await;
            let credentials = match lane.session.credentials(self.plan, self.clock).await {
                Ok(credentials) => credentials,
                Err(error) => {
                    return Answer::Missed(Missed::new(GapReason::Denied, error.to_string()));
                }
            };
            let sent = match self.send(operation, &region, &plain, &credentials).await {
                Ok(sent) => sent,
                Err(missed) => {
                    n_failed += 1;
                    if n_failed == MAX_TRIES || missed.reason == GapReason::TooLarge {
                        return Answer::Missed(missed);
                    }
                    sleep(AFTER_FAULT * n_failed).await;
                    continue;
                }
            };
            let (refusal, status) = match sent {
                Ok(output) if !(operation.is_pending)(&output) => {
                    speed_up(lane);
                    return Answer::Reply(output);
                }
                Ok(_) => (None, 200),
                Err((refusal, status)) => (Some(refusal), status),
            };
            let verdict = match &refusal {
                Some(refusal) => refusal.verdict(operation, status),
                None => Verdict::Pending,
            };
            let said = |reason| {
                let told = refusal.as_ref().map_or_else(String::new, told);
                Answer::Missed(Missed::new(reason, format!("{status} {told}").trim_end()))
            };
            match verdict {
                Verdict::Nothing => {
                    speed_up(lane);
                    return Answer::Nothing;
                }
                Verdict::Pending if n_pending < MAX_PENDING => {
                    n_pending += 1;
                    sleep(pending).await;
                    pending = (pending * 2).min(LONGEST_PENDING);
                }
                Verdict::Pending => return said(GapReason::TimedOut),
                Verdict::Throttled if n_throttled < MAX_THROTTLED => {
                    n_throttled += 1;
                    slow_down(lane);
                }
                Verdict::Throttled => return said(GapReason::RateLimited),
                Verdict::Faulty | Verdict::SignedOut if n_failed + 1 < MAX_TRIES => {
                    n_failed += 1;
                    // Credentials that have ended are asked for anew; a fault is given time.
                    lane.session.forget();
                    sleep(AFTER_FAULT * n_failed).await;
                }
                Verdict::Faulty => return said(GapReason::Failed),
                Verdict::Denied | Verdict::SignedOut => return said(GapReason::Denied),
                Verdict::Wrong => return said(GapReason::Failed),
            }
        }
    }

    /// One request: its output, or the refusal with its status; or why neither came.
    async fn send(
        &self,
        operation: &Operation,
        region: &str,
        plain: &Plain,
        credentials: &Credentials,
    ) -> Result<Result<Value, (Refusal, u16)>, Missed> {
        let signed = signed(operation, region, plain, credentials, self.clock.now())
            .ok_or_else(|| Missed::new(GapReason::Failed, "the request cannot be signed"))?;
        let signed = reqwest::Request::try_from(signed)
            .map_err(|_| Missed::new(GapReason::Failed, "the request has no address"))?;
        let mut response = self.http.execute(signed).await.map_err(|error| unreachable(&error))?;
        let status = response.status();
        let head = response.headers().get("x-amzn-errortype");
        let head = head.and_then(|head| head.to_str().ok()).map(String::from);
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
            if bytes.len() + chunk.len() > MAX_REPLY_BYTES {
                let detail = format!("a reply of more than {MAX_REPLY_BYTES} bytes");
                return Err(Missed::new(GapReason::TooLarge, detail));
            }
            bytes.extend_from_slice(&chunk);
        }
        if !status.is_success() {
            return Ok(Err((reply::refusal(head.as_deref(), &bytes), status.as_u16())));
        }
        reply::output(operation, &bytes)
            .map(Ok)
            .ok_or_else(|| Missed::new(GapReason::Malformed, "the reply is not in its protocol"))
    }
}

fn told(refusal: &Refusal) -> String {
    match (refusal.code.as_str(), refusal.message.as_str()) {
        (code, "") => code.into(),
        (code, message) => format!("{code}: {message}"),
    }
}

fn slow_down(lane: &Lane<'_>) {
    let mut pace = lane.pace.get();
    pace.throttled();
    lane.pace.set(pace);
}

fn speed_up(lane: &Lane<'_>) {
    let mut pace = lane.pace.get();
    pace.answered();
    lane.pace.set(pace);
}

fn unreachable(error: &reqwest::Error) -> Missed {
    if error.is_timeout() {
        return Missed::new(GapReason::TimedOut, "no answer in time");
    }
    // The innermost cause says what it was: a name that is not known, a certificate.
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    Missed::new(GapReason::Unreachable, cause.to_string())
}

/// The request with its signature (Signature Version 4).
fn signed(
    operation: &Operation,
    region: &str,
    plain: &Plain,
    credentials: &Credentials,
    now: SystemTime,
) -> Option<http::Request<String>> {
    let mut settings = SigningSettings::default();
    if operation.service.protocol == Protocol::S3 {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    }
    let identity = credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(operation.service.signs_as)
        .time(now)
        .settings(settings)
        .build()
        .ok()?
        .into();
    let heads = plain.heads.iter().map(|(name, value)| (*name, value.as_str()));
    let body = SignableBody::Bytes(plain.body.as_bytes());
    let signable = SignableRequest::new(plain.method, plain.url.as_str(), heads, body).ok()?;
    let (instructions, _) = sign(signable, &parameters).ok()?.into_parts();
    let mut request = http::Request::builder().method(plain.method).uri(&plain.url);
    for (name, value) in &plain.heads {
        request = request.header(*name, value);
    }
    let mut request = request.body(plain.body.clone()).ok()?;
    instructions.apply_to_request_http1x(&mut request);
    Some(request)
}
