//! X.509 certificates, private keys and key stores under the folders where services keep them.
//!
//! The authorities that a distribution ships are not credentials of this host: they are counted and
//! left out. Those that an administrator added are recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use credentials::x509;
use model::kinds;
use model::{Batch, Credential, Fact, Gap, GapReason, Scope, Value};

use super::names::Names;
use super::reading::{File, Reader};
use crate::files::MAX_PARSED_BYTES;
use crate::material::{self, fact_text};

/// Where services and administrators keep certificates and keys. `*` stands for one folder.
const FOLDERS: &[&str] = &[
    "/etc/ssl",
    "/etc/pki",
    "/etc/tls",
    "/etc/certs",
    "/etc/letsencrypt",
    "/etc/acme",
    "/etc/dehydrated",
    "/etc/nginx",
    "/etc/apache2",
    "/etc/httpd",
    "/etc/lighttpd",
    "/etc/caddy",
    "/etc/haproxy",
    "/etc/envoy",
    "/etc/traefik",
    "/etc/stunnel",
    "/etc/squid",
    "/etc/postgresql",
    "/etc/postgresql-common",
    "/etc/mysql",
    "/etc/redis",
    "/etc/rabbitmq",
    "/etc/kafka",
    "/etc/elasticsearch",
    "/etc/etcd",
    "/etc/consul.d",
    "/etc/nomad.d",
    "/etc/vault.d",
    "/etc/kubernetes",
    "/var/lib/kubelet/pki",
    "/var/lib/rancher/k3s/server/tls",
    "/var/lib/rancher/k3s/agent",
    "/etc/docker",
    "/etc/containers/certs.d",
    "/etc/openvpn",
    "/etc/ipsec.d",
    "/etc/swanctl",
    "/etc/freeradius",
    "/etc/raddb",
    "/etc/postfix",
    "/etc/exim4",
    "/etc/dovecot",
    "/etc/ldap",
    "/etc/openldap",
    "/etc/bind",
    "/etc/cups/ssl",
    "/etc/cockpit/ws-certs.d",
    "/etc/grafana",
    "/etc/prometheus",
    "/etc/puppetlabs/puppet/ssl",
    "/etc/puppet/ssl",
    "/etc/spire",
    "/etc/webmin",
    "/usr/local/etc/ssl",
    "/usr/local/share/ca-certificates",
    "/opt/*/ssl",
    "/opt/*/tls",
    "/opt/*/certs",
    "/opt/*/pki",
    "/srv/*/ssl",
    "/srv/*/certs",
    "/var/lib/*/ssl",
    "/var/lib/*/tls",
    "/var/lib/*/certs",
];

/// Trust stores of distributions, by where their files lie once links are resolved.
const PUBLIC_STORES: &[&str] = &[
    "/usr/share/ca-certificates",
    "/usr/share/pki",
    "/usr/share/ca-certs",
    "/etc/pki/ca-trust/extracted",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/tls/certs/ca-bundle.trust.crt",
    "/etc/pki/tls/cert.pem",
    "/etc/ca-certificates/extracted",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/certs/java/cacerts",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
    "/var/lib/ca-certificates",
];

/// A file of this many certificates, all of authorities and no key among them, is a trust bundle.
const MIN_BUNDLE: usize = 20;
/// Folders within folders are followed this deep.
const MAX_DEPTH: usize = 10;

/// Names of files that hold material in a form without a telling header.
const BINARY_ENDS: &[&str] =
    &["der", "cer", "crt", "key", "p8", "p12", "pfx", "jks", "keystore", "truststore", "jceks"];

#[derive(Debug, Default)]
pub(super) struct Tls {
    files: Vec<Found>,
    /// Subjects of the distribution's authorities, to tell where a chain leads.
    public_subjects: BTreeSet<String>,
    pub n_public: usize,
}

#[derive(Debug)]
struct Found {
    file: File,
    /// Links by which it is also known, such as Let's Encrypt's `live`.
    links: BTreeSet<String>,
}

pub(super) fn scope(machine: &str) -> Scope {
    Scope::new("x509", machine, "tls", "certificates and keys")
}

pub(super) fn scope_of_path(machine: &str, path: &str) -> Scope {
    Scope::new("x509", machine, "tls", path)
}

/// The standard folders that are there.
pub(super) fn folders(reader: &mut Reader<'_>) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for pattern in FOLDERS {
        match pattern.split_once("/*/") {
            None => folders.push(PathBuf::from(pattern)),
            Some((parent, name)) => {
                let parents = reader.list(Path::new(parent));
                folders.extend(parents.into_iter().map(|entry| entry.path.join(name)));
            }
        }
    }
    folders.retain(|folder| reader.exists(folder));
    folders
}

pub(super) fn read(reader: &mut Reader<'_>, starts: Vec<PathBuf>) -> Tls {
    let mut tls = Tls::default();
    let mut seen_folders = BTreeSet::new();
    let mut seen_files: BTreeMap<PathBuf, Option<usize>> = BTreeMap::new();
    let mut todo: Vec<(PathBuf, usize)> =
        starts.into_iter().rev().map(|start| (start, 0)).collect();
    while let Some((path, depth)) = todo.pop() {
        let Some(meta) = reader.meta(&path) else { continue };
        if meta.is_folder() {
            if !seen_folders.insert(meta.inode) {
                continue;
            }
            if depth == MAX_DEPTH {
                let gap = Gap::new(crate::files::shown(&path), GapReason::TooDeep);
                reader.coverage.miss(gap.detail(format!("more than {MAX_DEPTH} folders deep")));
                continue;
            }
            let mut entries = reader.list(&path);
            entries.reverse();
            todo.extend(entries.into_iter().map(|entry| (entry.path, depth + 1)));
            continue;
        }
        let is_binary = has_binary_end(&path);
        let has_telling_name = is_binary || path.extension().is_some_and(|end| end == "pem");
        if !meta.is_file() {
            // Reading a FIFO, socket or device would be asking whatever is at its other end.
            if has_telling_name {
                let gap = Gap::new(crate::files::shown(&path), GapReason::NotRegular);
                reader.coverage.miss(gap.detail("not a regular file"));
            }
            continue;
        }
        let Some(canonical) = reader.canonical(&path) else { continue };
        let link = (canonical != path).then(|| crate::files::shown(&path));
        if let Some(known) = seen_files.get(&canonical) {
            if let Some(found) = known.and_then(|n| tls.files.get_mut(n)) {
                found.links.extend(link);
            }
            continue;
        }
        // A large file without a telling name is somebody's data.
        if meta.size > MAX_PARSED_BYTES && !has_telling_name {
            continue;
        }
        let Some(file) = reader.required(&canonical) else {
            seen_files.insert(canonical, None);
            continue;
        };
        let is_public = PUBLIC_STORES.iter().any(|store| canonical.starts_with(store));
        let n = if is_public || is_bundle(&file) {
            tls.count_public(&file);
            None
        } else if is_binary || memchr::memmem::find(&file.bytes, b"-----BEGIN ").is_some() {
            tls.files.push(Found { file, links: link.into_iter().collect() });
            tls.files.len().checked_sub(1)
        } else {
            None
        };
        seen_files.insert(canonical, n);
    }
    tls
}

fn has_binary_end(path: &Path) -> bool {
    let end = path.extension().map(|end| end.to_string_lossy().to_lowercase());
    end.is_some_and(|end| BINARY_ENDS.contains(&end.as_str()))
        || path.file_name().is_some_and(|name| name == "cacerts")
}

/// Whether a file is a collection of authorities to trust, rather than a chain of this host's.
fn is_bundle(file: &File) -> bool {
    let n_headers = memchr::memmem::find_iter(&file.bytes, b"-----BEGIN ").take(MIN_BUNDLE).count();
    if n_headers < MIN_BUNDLE {
        return false;
    }
    let (certificates, _) = x509::certificates(&file.bytes);
    certificates.len() >= MIN_BUNDLE
        && certificates.iter().all(|it| it.is_ca || it.self_signed)
        && memchr::memmem::find(&file.bytes, b"PRIVATE KEY-----").is_none()
}

impl Tls {
    fn count_public(&mut self, file: &File) {
        let (certificates, _) = x509::certificates(&file.bytes);
        for certificate in certificates {
            if self.public_subjects.insert(certificate.subject) {
                self.n_public += 1;
            }
        }
    }
}

/// Where Let's Encrypt's client keeps every certificate it ever got.
const ARCHIVE: &str = "/etc/letsencrypt/archive/";

pub(super) fn normalize(tls: &Tls, names: Names<'_>) -> (Batch, Vec<Gap>) {
    let mut batch = Batch::default();
    let mut gaps = Vec::new();
    for found in &tls.files {
        let file = &found.file;
        let mut place = names.place(&file.path, Some(file.meta));
        if !found.links.is_empty() {
            let links: Vec<String> = found.links.iter().cloned().collect();
            place.fact("links", Fact::known(links));
        }
        let at = names.at(&place, &file.path, Some(file.meta));
        let (mut of_file, of_file_gaps) = material::containers(&file.bytes, at, names.rounds);
        if file.path.starts_with(ARCHIVE) {
            // An old certificate is kept in the archive and no link of `live` leads to it.
            let is_superseded = found.links.is_empty();
            for credential in &mut of_file.credentials {
                credential.fact("superseded", Fact::known(is_superseded));
            }
        }
        batch.extend(of_file);
        gaps.extend(of_file_gaps);
    }
    // One certificate in several files must be one record before chains and keys are matched.
    batch.settle();
    match_keys(&mut batch.credentials);
    match_chains(&mut batch.credentials, &tls.public_subjects);
    let mut host = names.host();
    host.fact(
        "public_authorities_trusted",
        Fact::known(i64::try_from(tls.n_public).unwrap_or(i64::MAX)),
    );
    batch.identities.push(host);
    (batch, gaps)
}

fn is_true(credential: &Credential, fact: &str) -> bool {
    credential.facts.get(fact).and_then(|fact| fact.value()) == Some(&Value::Truth(true))
}

/// A key belongs to the certificate with the same public key; each says whether the other is here.
fn match_keys(credentials: &mut [Credential]) {
    material::match_keys(credentials);
    let mut certificates: BTreeSet<String> = BTreeSet::new();
    let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for credential in credentials.iter() {
        let Some(spki) = fact_text(credential, "spki_sha256") else { continue };
        if credential.kind == kinds::X509.id {
            certificates.insert(spki.to_owned());
        } else {
            let paths = credential.places.iter().map(|place| place.path.clone());
            keys.entry(spki.to_owned()).or_default().extend(paths);
        }
    }
    for credential in credentials {
        let Some(spki) = fact_text(credential, "spki_sha256").map(str::to_owned) else { continue };
        if credential.kind == kinds::X509.id {
            let paths = keys.get(&spki);
            credential.fact("key_on_host", Fact::known(paths.is_some()));
            if let Some(paths) = paths {
                credential.fact("key_paths", Fact::known(paths.clone()));
            }
        } else if credential.kind == kinds::PRIVATE_KEY.id {
            credential.fact("certificate_on_host", Fact::known(certificates.contains(&spki)));
        }
    }
}

/// Whether the issuer of each certificate is here, by name: signatures are not verified.
fn match_chains(credentials: &mut [Credential], public_subjects: &BTreeSet<String>) {
    let authorities: BTreeSet<String> = credentials
        .iter()
        .filter(|credential| credential.kind == kinds::X509.id && is_true(credential, "is_ca"))
        .filter_map(|credential| fact_text(credential, "subject").map(str::to_owned))
        .collect();
    for credential in credentials.iter_mut().filter(|it| it.kind == kinds::X509.id) {
        let Some(issuer) = fact_text(credential, "issuer") else { continue };
        let chain = if is_true(credential, "self_signed") {
            "self-signed"
        } else if authorities.contains(issuer) {
            "issuer on this host"
        } else if public_subjects.contains(issuer) {
            "issuer in the public trust store"
        } else {
            "issuer not found"
        };
        credential.fact("chain", Fact::known(chain));
    }
}
