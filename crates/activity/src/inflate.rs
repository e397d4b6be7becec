//! Content of a file that may be gzip: whole where it is small and well, else piece by piece.
//!
//! A file of several members is one content. What comes before a break is kept; the break is told
//! with the member and the byte of the file.

use std::io::{BufRead, Read};

use flate2::bufread::GzDecoder;

/// A file whose content says it is larger than this is read in pieces, never as a whole.
pub const MAX_WHOLE_BYTES: usize = 256 << 20;
/// Content may be so many times its file; beyond it reading stops. CloudTrail's own files come to 10.
pub const MAX_RATIO: u64 = 400;
/// Content of this size is read whatever its ratio.
pub const RATIO_FROM_BYTES: u64 = 16 << 20;
/// Content of one file beyond this is not read.
pub const MAX_CONTENT_BYTES: u64 = 64 << 30;

const MAGIC: &[u8] = &[0x1f, 0x8b];

/// Why the content of a file ends before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    /// In the file.
    pub(crate) at: u64,
    pub(crate) says: String,
}

pub(crate) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// The content of a file of one sound member, in `content`; false leaves it to [`Members`].
///
/// libdeflate is twice as fast as any reader of streams, but wants to know the size before, and
/// tells neither where a member ended nor what came before a break.
pub(crate) fn whole(
    decompressor: &mut libdeflater::Decompressor,
    file: &[u8],
    content: &mut Vec<u8>,
) -> bool {
    let Some(size) = file.last_chunk::<4>() else { return false };
    let size = u32::from_le_bytes(*size) as usize;
    let is_plausible = size <= MAX_WHOLE_BYTES && size as u64 <= limit(file.len() as u64);
    // Another member might follow: it begins with these three bytes.
    let has_more =
        file.get(10..).is_none_or(|rest| memchr::memmem::find(rest, &[0x1f, 0x8b, 8]).is_some());
    if !is_plausible || has_more {
        return false;
    }
    content.resize(size, 0);
    decompressor.gzip_decompress(file, content).is_ok_and(|n| n == size)
}

/// How much content a file of this size may have.
fn limit(file_bytes: u64) -> u64 {
    file_bytes.saturating_mul(MAX_RATIO).clamp(RATIO_FROM_BYTES, MAX_CONTENT_BYTES)
}

/// Every member of a gzip file in turn, as one content.
pub(crate) struct Members<R: BufRead> {
    /// None after the end.
    decoder: Option<GzDecoder<Counted<R>>>,
    n_member: u64,
    n_out: u64,
    pub(crate) broken: Option<Broken>,
}

impl<R: BufRead> Members<R> {
    pub(crate) fn new(file: R) -> Self {
        let decoder = Some(GzDecoder::new(Counted { inner: file, n: 0 }));
        Self { decoder, n_member: 1, n_out: 0, broken: None }
    }

    fn stop(&mut self, says: String) -> usize {
        let at = self.decoder.take().map_or(0, |decoder| decoder.get_ref().n);
        self.broken = Some(Broken { at, says });
        0
    }

    /// The next piece of content; 0 at the end, whatever ended it.
    pub(crate) fn read(&mut self, piece: &mut [u8]) -> usize {
        loop {
            let Some(decoder) = &mut self.decoder else { return 0 };
            match decoder.read(piece) {
                Ok(0) => {
                    let Some(decoder) = self.decoder.take() else { return 0 };
                    let mut file = decoder.into_inner();
                    let at = file.n;
                    match file.fill_buf() {
                        Ok([]) => return 0,
                        Ok(rest) if rest.starts_with(MAGIC.get(..1).unwrap_or_default()) => {
                            self.n_member += 1;
                            self.decoder = Some(GzDecoder::new(file));
                        }
                        // tar and tapes pad with zeros.
                        Ok(rest) if rest.iter().all(|byte| *byte == 0) => return 0,
                        Ok(_) => {
                            let says = "what follows the last gzip member is no gzip".into();
                            self.broken = Some(Broken { at, says });
                            return 0;
                        }
                        Err(error) => {
                            self.broken = Some(Broken { at, says: error.to_string() });
                            return 0;
                        }
                    }
                }
                Ok(n) => {
                    let n_in = decoder.get_ref().n;
                    self.n_out += n as u64;
                    if self.n_out > limit(n_in) {
                        let says = if self.n_out > MAX_CONTENT_BYTES {
                            format!("more than {MAX_CONTENT_BYTES} bytes of content")
                        } else {
                            format!("content of more than {MAX_RATIO} times the file")
                        };
                        return self.stop(says);
                    }
                    return n;
                }
                Err(error) => {
                    let what = match error.kind() {
                        std::io::ErrorKind::UnexpectedEof => "ends within".to_owned(),
                        _ => format!("is broken ({error}) in"),
                    };
                    let says = format!("gzip {what} member {}", self.n_member);
                    return self.stop(says);
                }
            }
        }
    }
}

/// Counts what was taken.
struct Counted<R> {
    inner: R,
    n: u64,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, piece: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(piece)?;
        self.n += n as u64;
        Ok(n)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.n += n as u64;
        self.inner.consume(n);
    }
}
