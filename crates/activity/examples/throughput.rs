//! How fast gzip files of CloudTrail become summaries, beside inflating them alone.
//!
//! `cargo run --release -p activity --example throughput -- 500000`. The records are made up here:
//! 1.4 kB each, a few identities that do most, and 21 % that come again in another file. Each line
//! of the output is a figure for `cargo xtask bench`: what, value, wanted, limit, by tabs. Times are
//! of this thread on its processor, which other work on the machine disturbs less.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a program for a person at a terminal"
)]

use std::fmt::Write as _;

use activity::{Reader, Summaries};

/// The one of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RECORDS_OF_A_FILE: u64 = 2_000;
const DUPLICATES_PERCENT: u64 = 21;
const ROUNDS: usize = 3;
const USER_AGENTS: &[&str] = &[
    "Boto3/1.40.1 md/Botocore#1.40.1 ua/2.1 os/linux#6.1.0 md/arch#x86_64 lang/python#3.12.3 md/pyimpl#CPython exec-env/AWS_Lambda_python3.12 cfg/retry-mode#legacy Botocore/1.40.1",
    "aws-sdk-go-v2/1.30.3 ua/2.1 os/linux lang/go#1.23.4 md/GOOS#linux md/GOARCH#amd64 api/s3#1.58.2",
    "APN/1.0 HashiCorp/1.0 Terraform/1.9.5 (+https://www.terraform.io) terraform-provider-aws/5.62.0 (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.30.3",
    "aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/linux#6.8.0 md/arch#x86_64 lang/python#3.13.7 md/pyimpl#CPython cfg/retry-mode#standard",
];
/// Source, name, parameters with `N` for a number, answer.
const OPERATIONS: &[(&str, &str, &str, &str)] = &[
    (
        "s3",
        "GetObject",
        r#"{"bucketName":"data-lake-prod","Host":"data-lake-prod.s3.eu-central-1.amazonaws.com","key":"raw/2026/11/22/part-N.parquet"}"#,
        "null",
    ),
    (
        "s3",
        "PutObject",
        r#"{"bucketName":"data-lake-prod","Host":"data-lake-prod.s3.eu-central-1.amazonaws.com","key":"out/N.parquet","x-amz-storage-class":"STANDARD"}"#,
        r#"{"x-amz-server-side-encryption":"AES256"}"#,
    ),
    (
        "sts",
        "AssumeRole",
        r#"{"roleArn":"arn:aws:iam::111122223333:role/apps/service-N","roleSessionName":"session-N","durationSeconds":3600}"#,
        r#"{"credentials":{"accessKeyId":"ASIAIOSFODNN7EXAMPLE","sessionToken":"redacted","expiration":"Nov 22, 2026, 11:00:00 AM"},"assumedRoleUser":{"assumedRoleId":"AROAEXAMPLE:session","arn":"arn:aws:sts::111122223333:assumed-role/service/session"}}"#,
    ),
    (
        "kms",
        "Decrypt",
        r#"{"encryptionContext":{"aws:s3:arn":"arn:aws:s3:::data-lake-prod"},"encryptionAlgorithm":"SYMMETRIC_DEFAULT"}"#,
        "null",
    ),
    (
        "ec2",
        "DescribeInstances",
        r#"{"maxResults":1000,"instancesSet":{"items":[{"instanceId":"i-0123456789abcdefN"}]},"filterSet":{"items":[{"name":"instance-state-name","valueSet":{"items":[{"value":"running"}]}}]}}"#,
        "null",
    ),
    (
        "dynamodb",
        "GetItem",
        r#"{"tableName":"orders","key":{"pk":"N"},"consistentRead":false}"#,
        "null",
    ),
    (
        "lambda",
        "Invoke",
        r#"{"functionName":"arn:aws:lambda:eu-central-1:111122223333:function:worker","invocationType":"Event"}"#,
        "null",
    ),
    ("secretsmanager", "GetSecretValue", r#"{"secretId":"prod/service-N/db"}"#, "null"),
    (
        "logs",
        "CreateLogStream",
        r#"{"logGroupName":"/aws/lambda/worker","logStreamName":"2026/11/22/[$LATEST]N"}"#,
        "null",
    ),
    (
        "ecr",
        "BatchGetImage",
        r#"{"repositoryName":"shop","registryId":"111122223333","imageIds":[{"imageTag":"vN"}],"acceptedMediaTypes":["application/vnd.oci.image.index.v1+json"]}"#,
        "null",
    ),
];

/// Xorshift: the corpus is the same each time.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

fn record(text: &mut String, seed: u64) {
    let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    for _ in 0..4 {
        chance.next();
    }
    let uuid = |chance: &mut Chance| {
        let (high, low) = (chance.next(), chance.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            low >> 52,
            low & 0xffff_ffff_ffff
        )
    };
    // The square makes a few of 2,000 identities do most.
    let identity = chance.below(2_000) * chance.below(2_000) / 2_000;
    let operation =
        OPERATIONS.get(usize::try_from((identity + chance.below(3)) % 10).unwrap()).unwrap();
    let (source, name, request, response) = operation;
    let number = chance.below(50_000).to_string();
    let user_agent = USER_AGENTS.get(usize::try_from(identity % 4).unwrap()).unwrap();
    // A session lasts an hour, and its key with it.
    let session = chance.below(5);
    let key = (identity * 5 + session).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (id, request_id) = (uuid(&mut chance), uuid(&mut chance));
    let resource = if *source == "kms" {
        r#""resources":[{"accountId":"111122223333","type":"AWS::KMS::Key","ARN":"arn:aws:kms:eu-central-1:111122223333:key/0e5d0ab6-097e-49d8-99ef-747ce3e5f8f4"}],"#
    } else {
        ""
    };
    let (minute, second) = (chance.below(60), chance.below(60));
    let hour = chance.below(24);
    let address = chance.below(250);
    write!(
        text,
        r#"{{"eventVersion":"1.11","userIdentity":{{"type":"AssumedRole","principalId":"AROAEXAMPLE{identity:06}:session-{session}","arn":"arn:aws:sts::111122223333:assumed-role/service-{identity}/session-{session}","accountId":"111122223333","accessKeyId":"ASIA{key:016X}","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROAEXAMPLE{identity:06}","arn":"arn:aws:iam::111122223333:role/apps/service-{identity}","accountId":"111122223333","userName":"service-{identity}"}},"attributes":{{"creationDate":"2026-11-22T09:{session:02}:00Z","mfaAuthenticated":"false"}}}}}},"eventTime":"2026-11-22T{hour:02}:{minute:02}:{second:02}Z","eventSource":"{source}.amazonaws.com","eventName":"{name}","awsRegion":"eu-central-1","sourceIPAddress":"10.20.{}.{address}","userAgent":"{user_agent}","requestParameters":{},"responseElements":{response},"additionalEventData":{{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":{session},"AuthenticationMethod":"AuthHeader"}},"requestID":"{request_id}","eventID":"{id}","readOnly":true,{resource}"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","vpcEndpointId":"vpce-0a1b2c3d4e5f60718","eventCategory":"Management","tlsDetails":{{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"{source}.eu-central-1.amazonaws.com"}}}}"#,
        identity % 64,
        request.replace('N', &number),
    )
    .unwrap();
}

/// Files of gzip, the bytes of their content, and how many events there are without those that come
/// again.
fn corpus(n: u64) -> (Vec<Vec<u8>>, u64, u64) {
    let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
    let mut chance = Chance(42);
    let mut files = Vec::new();
    let (mut n_bytes, mut n_first) = (0, 0);
    let mut text = String::new();
    for file in 0..n.div_ceil(RECORDS_OF_A_FILE) {
        text.clear();
        text.push_str(r#"{"Records":["#);
        for at in 0..RECORDS_OF_A_FILE.min(n - file * RECORDS_OF_A_FILE) {
            if at > 0 {
                text.push(',');
            }
            let comes_again = n_first > 0 && chance.below(100) < DUPLICATES_PERCENT;
            let seed = if comes_again { chance.below(n_first) } else { n_first };
            n_first += u64::from(!comes_again);
            record(&mut text, seed);
        }
        text.push_str("]}");
        n_bytes += text.len() as u64;
        let mut file = vec![0; compressor.gzip_compress_bound(text.len())];
        let size = compressor.gzip_compress(text.as_bytes(), &mut file).unwrap();
        file.truncate(size);
        files.push(file);
    }
    (files, n_bytes, n_first)
}

/// Seconds that this thread was on a processor.
fn seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

fn main() {
    let n = std::env::args().nth(1).map_or(500_000, |n| n.parse().unwrap());
    let (files, n_bytes, n_first) = corpus(n);
    let n_file_bytes: usize = files.iter().map(Vec::len).sum();
    let mut inflate = f64::MAX;
    let mut read = f64::MAX;
    let mut whole = f64::MAX;
    let mut ids = (0, 0);
    let mut content = vec![0; 16 << 20];
    let mut decompressor = libdeflater::Decompressor::new();
    for _ in 0..ROUNDS {
        let from = seconds();
        for file in &files {
            decompressor.gzip_decompress(file, &mut content).unwrap();
        }
        inflate = inflate.min(seconds() - from);

        let mut reader = Reader::default();
        let mut n_read = 0;
        let from = seconds();
        for file in &files {
            n_read += reader.read_bytes(file, &mut |_| {}).n_records;
        }
        read = read.min(seconds() - from);
        assert_eq!(n_read, n);

        let mut summaries = Summaries::default();
        let from = seconds();
        for file in &files {
            reader.read_bytes(file, &mut |event| {
                summaries.add(event);
            });
        }
        let n_events = summaries.view().n_events;
        whole = whole.min(seconds() - from);
        assert_eq!(n_events, n_first);
        ids = summaries.n_id_bytes();
    }
    let per_second = |seconds: f64| n as f64 / seconds;
    let events = |seconds: f64| {
        format!("{:.0} events/s, {:.0} MB/s", per_second(seconds), n_bytes as f64 / seconds / 1e6)
    };
    let size = format!("{} B a record, {} B in gzip", n_bytes / n, n_file_bytes as u64 / n);
    println!("CloudTrail: inflate alone ({size})\t{}\t\t", events(inflate));
    println!("CloudTrail: inflate and read\t{}\t\t{}", events(read), events(inflate));
    println!(
        "CloudTrail: inflate, read, attribute, dedupe, sum up\t{}\t200000 events/s\t{}",
        events(whole),
        events(inflate)
    );
    println!(
        "CloudTrail: of the speed of inflate alone\t{:.0} %\t35 %\t100 %",
        inflate / whole * 100.0
    );
    println!(
        "CloudTrail: memory of ids, for a million\t{:.1} MB\t\t20 MB",
        ids.0 as f64 / ids.1 as f64
    );
}
