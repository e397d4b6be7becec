//! Styles, scripts and icons of the console, embedded in the binary.
//!
//! One hash over all of them is part of every address, so that a browser keeps them for ever and
//! modules can import each other by relative paths.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::LazyLock;

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "console/"]
#[include = "vendor/*.js"]
#[include = "styles/*.css"]
#[include = "modules/*.js"]
#[include = "icons/*.svg"]
struct Files;

struct Asset {
    plain: Vec<u8>,
    zipped: Vec<u8>,
    kind: &'static str,
}

struct Assets {
    /// BLAKE3 over names and bytes, shortened: part of the address and the entity tag.
    version: String,
    by_name: BTreeMap<String, Asset>,
}

/// Hexadecimal digits of the hash in an address: 48 bits tell versions apart.
const VERSION_DIGITS: usize = 12;

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    let mut hasher = blake3::Hasher::new();
    let mut by_name = BTreeMap::new();
    let mut names: Vec<_> = Files::iter().collect();
    names.sort_unstable();
    for name in names {
        let Some(file) = Files::get(&name) else { continue };
        hasher.update(name.as_bytes());
        hasher.update(&file.data);
        let plain = file.data.into_owned();
        let asset = Asset { zipped: gzip(&plain), kind: kind_of(&name), plain };
        by_name.insert(name.into_owned(), asset);
    }
    let version = hasher.finalize().to_hex().chars().take(VERSION_DIGITS).collect();
    Assets { version, by_name }
});

/// The bytes compressed; empty when that failed, which is then not offered.
fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).and_then(|()| encoder.finish()).unwrap_or_default()
}

fn kind_of(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

/// The address of an asset, which changes when any asset does.
pub(crate) fn url(name: &str) -> String {
    format!("/assets/{}/{name}", ASSETS.version)
}

/// `GET /assets/{version}/{*name}`.
///
/// An old version is answered with the present file, uncached: a page that was open during an
/// upgrade still works.
pub(crate) async fn get(
    Path((version, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response<Body> {
    let Some(asset) = ASSETS.by_name.get(&name) else {
        return status(StatusCode::NOT_FOUND);
    };
    let tag = format!("\"{}\"", ASSETS.version);
    let has = |name: header::HeaderName, part: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.contains(part))
    };
    let mut response = if has(header::IF_NONE_MATCH, &tag) {
        status(StatusCode::NOT_MODIFIED)
    } else if has(header::ACCEPT_ENCODING, "gzip") && !asset.zipped.is_empty() {
        let mut response = Response::new(Body::from(asset.zipped.as_slice()));
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response
    } else {
        Response::new(Body::from(asset.plain.as_slice()))
    };
    let cache =
        if version == ASSETS.version { "public, max-age=31536000, immutable" } else { "no-cache" };
    let out = response.headers_mut();
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        out.insert(header::ETAG, tag);
    }
    response
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vendored_script_is_the_one_in_the_table() {
        let table = include_str!("../console/vendor/README.md");
        let mut n_checked = 0;
        for name in Files::iter().filter(|name| name.starts_with("vendor/")) {
            let file = name.trim_start_matches("vendor/");
            let row = table
                .lines()
                .find(|line| line.starts_with(&format!("| {file} |")))
                .unwrap_or_else(|| panic!("{file} is not in console/vendor/README.md"));
            let bytes = Files::get(&name).unwrap().data;
            let hash = data_encoding::BASE64.encode(&sha2::Sha384::digest(&bytes));
            assert!(row.contains(&hash), "{file} has the hash {hash}");
            n_checked += 1;
        }
        assert_eq!(n_checked, 1);
    }

    use sha2::Digest;

    #[test]
    fn every_icon_that_a_page_names_is_drawn() {
        let drawn = include_str!("../console/icons/icons.svg");
        for kind in model::kinds::General::ALL {
            assert!(drawn.contains(&format!("id=\"{}\"", kind.id())), "{}", kind.id());
        }
        for severity in model::Severity::ALL {
            assert!(drawn.contains(&format!("id=\"{}\"", severity.name())), "{}", severity.name());
        }
    }
}
