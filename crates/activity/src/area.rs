//! Resources put together to areas, so that an identity that reads a million objects has few rows.

/// Coarser levels of [`area`]: exact, the parent, everything of its sort, everything of its service.
pub(crate) const LEVELS: u8 = 4;

/// Writes a resource at a level. Each level could be made from the one before: what is one area
/// stays one.
pub(crate) fn write_area(text: &mut String, resource: &str, level: u8) {
    let is_separator = |byte: &u8| matches!(byte, b'/' | b':');
    let mut colons = memchr::memchr_iter(b':', resource.as_bytes());
    let (Some(3), Some(_), Some(service)) = (colons.next(), colons.next(), colons.next()) else {
        return text.push_str(resource);
    };
    let (Some(_), Some(account)) = (colons.next(), colons.next()) else {
        // `arn:aws:s3:*` is the coarsest.
        return text.push_str(resource);
    };
    if level >= 3 {
        text.push_str(resource.get(..=service).unwrap_or_default());
        return text.push('*');
    }
    let tail = resource.as_bytes().get(account + 1..).unwrap_or_default();
    let is_s3 = resource.get(..service).is_some_and(|head| head.ends_with(":s3"));
    let slash = |from: usize| {
        let rest = tail.get(from..).unwrap_or_default();
        memchr::memchr(b'/', rest).map(|at| from + at + 1)
    };
    // How much of the tail stays.
    let kept = match (level, is_s3) {
        (0, _) => None,
        // The first folder of an object's name, the bucket, the parent of anything else.
        (1, true) => slash(0).map(|first| slash(first).unwrap_or(first)),
        (2, true) => slash(0),
        (1, false) => Some(tail.iter().rposition(is_separator).map_or(0, |last| last + 1)),
        (_, _) => Some(tail.iter().position(is_separator).map_or(0, |first| first + 1)),
    };
    match kept {
        Some(kept) => {
            text.push_str(resource.get(..account + 1 + kept).unwrap_or_default());
            text.push('*');
        }
        None => text.push_str(resource),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(resource: &str, level: u8) -> String {
        let mut text = String::new();
        write_area(&mut text, resource, level);
        text
    }

    proptest::proptest! {
        #[test]
        fn an_area_is_made_from_a_finer_one(resource in "(arn:aws:(s3|iam)::1:[a-c/:*]{0,8}|[a:*/]{0,8})") {
            for level in 1..LEVELS {
                for finer in 0..level {
                    let finer = area(&resource, finer);
                    proptest::prop_assert_eq!(area(&finer, level), area(&resource, level), "{} from {}", level, finer);
                }
            }
        }
    }

    #[test]
    fn areas_grow() {
        let check = |resource: &str, expected: [&str; 4]| {
            let areas = [0, 1, 2, 3].map(|level| area(resource, level));
            assert_eq!(areas, expected);
        };
        check("*", ["*"; 4]);
        check(
            "arn:aws:s3:::data/in/2026/a.csv",
            [
                "arn:aws:s3:::data/in/2026/a.csv",
                "arn:aws:s3:::data/in/*",
                "arn:aws:s3:::data/*",
                "arn:aws:s3:*",
            ],
        );
        check(
            "arn:aws:s3:::data/a.csv",
            [
                "arn:aws:s3:::data/a.csv",
                "arn:aws:s3:::data/*",
                "arn:aws:s3:::data/*",
                "arn:aws:s3:*",
            ],
        );
        check(
            "arn:aws:s3:::data",
            ["arn:aws:s3:::data", "arn:aws:s3:::data", "arn:aws:s3:::data", "arn:aws:s3:*"],
        );
        check(
            "arn:aws:iam::1:role/apps/web/x",
            [
                "arn:aws:iam::1:role/apps/web/x",
                "arn:aws:iam::1:role/apps/web/*",
                "arn:aws:iam::1:role/*",
                "arn:aws:iam:*",
            ],
        );
        check(
            "arn:aws:lambda:eu:1:function:f",
            [
                "arn:aws:lambda:eu:1:function:f",
                "arn:aws:lambda:eu:1:function:*",
                "arn:aws:lambda:eu:1:function:*",
                "arn:aws:lambda:*",
            ],
        );
        check(
            "arn:aws:sqs:eu:1:q",
            ["arn:aws:sqs:eu:1:q", "arn:aws:sqs:eu:1:*", "arn:aws:sqs:eu:1:*", "arn:aws:sqs:*"],
        );
    }
}
