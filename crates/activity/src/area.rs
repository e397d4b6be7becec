//! Resources put together to areas, so that an identity that reads a million objects has few rows.

/// Coarser levels of [`area`]: exact, the parent, everything of its sort, everything of its service.
pub(crate) const LEVELS: u8 = 4;

/// A resource at a level. Each level is made from the one before: what is one area stays one.
pub(crate) fn area(resource: &str, level: u8) -> String {
    let mut area = resource.to_owned();
    for level in 1..=level {
        area = coarser(&area, level);
    }
    area
}

fn coarser(resource: &str, level: u8) -> String {
    let mut parts = resource.splitn(6, ':');
    let (Some("arn"), Some(partition), Some(service), Some(region), Some(account), Some(tail)) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return resource.to_owned();
    };
    let head = || format!("arn:{partition}:{service}:{region}:{account}:");
    match level {
        // The first folder of an object's name, the parent of anything else.
        1 if service == "s3" => match tail.split_once('/') {
            Some((bucket, key)) => match key.split_once('/') {
                Some((folder, _)) => format!("{}{bucket}/{folder}/*", head()),
                None => format!("{}{bucket}/*", head()),
            },
            None => resource.to_owned(),
        },
        1 => match tail.rfind(['/', ':']) {
            Some(end) => format!("{}{}*", head(), tail.get(..=end).unwrap_or_default()),
            None => format!("{}*", head()),
        },
        2 => match tail.find(['/', ':']) {
            Some(end) => format!("{}{}*", head(), tail.get(..=end).unwrap_or_default()),
            None => resource.to_owned(),
        },
        _ => format!("arn:{partition}:{service}:*"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
