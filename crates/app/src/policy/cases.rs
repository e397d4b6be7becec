//! Files of self-contained cases.

use std::io::{self, BufRead, Read, Write};

use policy::aws::case::{Answer, answer, refused};

/// A longer line of a file of cases is answered as invalid.
pub const MAX_CASE_BYTES: usize = 64 << 20;

/// How the cases of a file came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cases {
    pub n: usize,
    pub n_invalid: usize,
}

/// Answers each line that is not blank with a line, in their order.
pub fn decide_cases(mut input: impl BufRead, mut output: impl Write) -> io::Result<Cases> {
    let mut cases = Cases::default();
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        let limit = u64::try_from(MAX_CASE_BYTES).unwrap_or(u64::MAX);
        if input.by_ref().take(limit).read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        let is_whole = bytes.len() < MAX_CASE_BYTES || bytes.ends_with(b"\n");
        if !is_whole {
            input.skip_until(b'\n')?;
        } else if bytes.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let answer = read(is_whole.then_some(&bytes), line);
        cases.n += 1;
        cases.n_invalid += usize::from(answer.decision == "invalid");
        serde_json::to_writer(&mut output, &answer)?;
        output.write_all(b"\n")?;
    }
    output.flush()?;
    Ok(cases)
}

fn read(bytes: Option<&Vec<u8>>, line: usize) -> Answer {
    let Some(bytes) = bytes else {
        return refused(format!("line {line}: more than {MAX_CASE_BYTES} bytes"));
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => answer(text, line),
        Err(error) => refused(format!("line {line}: no UTF-8: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_answered() {
        let case =
            r#"{"id":"a","request":{"principal":"anonymous","action":"s3:A","resource":"*"}}"#;
        let input = format!("{case}\n\n{{\n").into_bytes();
        let input = [input.as_slice(), b"\xff\n", case.as_bytes()].concat();
        let mut output = Vec::new();
        let cases = decide_cases(input.as_slice(), &mut output).unwrap();
        assert_eq!(cases, Cases { n: 4, n_invalid: 2 });
        let decisions: Vec<String> = String::from_utf8(output)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|line| format!("{} {}", line["id"], line["decision"]))
            .collect();
        assert_eq!(
            decisions,
            [r#""a" "deny""#, r#"null "invalid""#, r#"null "invalid""#, r#""a" "deny""#]
        );
    }
}
