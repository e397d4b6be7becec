//! Lines of `authorized_keys` and `known_hosts` as people write them, and PuTTY's key files.

use credentials::{keys, ssh};

const ED25519: &str = include_str!("fixtures/ssh-ed25519.pub");
const ECDSA: &str = include_str!("fixtures/ssh-ecdsa.pub");

#[test]
fn options_of_authorized_keys() {
    let check = |options: &str, expected: &[(&str, Option<&str>)]| {
        let (keys, problems) = ssh::authorized_keys(&format!("# note\n\n  {options} {ED25519}"));
        assert_eq!(problems, [], "{options}");
        let shown: Vec<_> =
            keys[0].options.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
        assert_eq!(shown, expected, "{options}");
        assert_eq!((keys[0].line, keys[0].key.comment.as_str()), (3, "ed25519@example.org"));
    };
    check("", &[]);
    check("restrict", &[("restrict", None)]);
    check("no-pty,No-X11-Forwarding", &[("no-pty", None), ("no-x11-forwarding", None)]);
    check(
        r#"from="10.0.0.0/8,*.example.org",command="/bin/echo \"a b\", c # d",no-pty"#,
        &[
            ("from", Some("10.0.0.0/8,*.example.org")),
            ("command", Some(r#"/bin/echo "a b", c # d"#)),
            ("no-pty", None),
        ],
    );
    check(
        r#"cert-authority,principals="deploy,root""#,
        &[("cert-authority", None), ("principals", Some("deploy,root"))],
    );
    check(r#"environment="PATH=/a\\b:c""#, &[("environment", Some(r"PATH=/a\\b:c"))]);
}

#[test]
fn lines_that_are_not_understood() {
    let check = |line: &str, expected: &str| {
        let (keys, problems) = ssh::authorized_keys(&format!("{line}\n{ED25519}"));
        assert_eq!(keys.len(), 1, "{line}");
        assert_eq!(problems, [(1, expected.to_owned())], "{line}");
    };
    check("ssh-ed25519 ***", "the key is not base64");
    check("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5", "the key ends before its parts do");
    check(
        &ED25519.replace("ssh-ed25519", "ssh-rsa"),
        "the key is of another type than its line says",
    );
    check("ssh-ed25519", "the key ends before its parts do");
    check("hello world", "it does not start with the name of a key type");
    let open = format!("command=\"/bin/true {ED25519}");
    check(open.trim(), "it does not start with the name of a key type");
}

#[test]
fn known_hosts() {
    let text = format!(
        "web.example.org,10.0.0.1 {ED25519}|1|c2FsdA==|aGFzaA== {ECDSA}@cert-authority *.example.org {ED25519}@revoked old {ECDSA}[web]:2222 nonsense\nold 1024 35 12345\n"
    );
    let (hosts, problems) = ssh::known_hosts(&text);
    let shown: Vec<_> = hosts
        .iter()
        .map(|it| (it.line, it.marker.as_deref(), it.hosts.join(" "), it.key.algorithm.as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            (1, None, "web.example.org 10.0.0.1".into(), "ssh-ed25519"),
            (2, None, "|1|c2FsdA==|aGFzaA==".into(), "ecdsa-sha2-nistp256"),
            (3, Some("cert-authority"), "*.example.org".into(), "ssh-ed25519"),
            (4, Some("revoked"), "old".into(), "ecdsa-sha2-nistp256"),
        ]
    );
    assert_eq!(problems.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [5, 6]);
}

#[test]
fn putty_files() {
    let blob = ED25519.split(' ').nth(1).unwrap();
    let (first, second) = blob.split_at(64);
    let check = |version: u8, encryption: &str, encrypted: bool| {
        let text = format!(
            "PuTTY-User-Key-File-{version}: ssh-ed25519\r\nEncryption: {encryption}\r\nComment: from putty\r\nPublic-Lines: 2\r\n{first}\r\n{second}\r\nPrivate-Lines: 1\r\nAAAA\r\nPrivate-MAC: 00\r\n"
        );
        let (keys, problems) = keys::private_keys(text.as_bytes());
        assert_eq!(problems, []);
        assert_eq!(
            (keys[0].encrypted, keys[0].comment.as_deref()),
            (encrypted, Some("from putty"))
        );
        let public = ssh::public_key(ED25519).unwrap();
        assert_eq!(keys[0].ssh_fingerprint, Some(public.fingerprint));
    };
    check(2, "none", false);
    check(3, "aes256-cbc", true);
    let (keys, problems) =
        keys::private_keys(b"PuTTY-User-Key-File-3: x\nPublic-Lines: 99999999999\n");
    assert_eq!((keys.len(), problems.len()), (0, 1));
}

proptest::proptest! {
    #[test]
    fn any_text(text in "[ -~\n]{0,200}", options in "[a-z=\",\\\\ ]{0,40}") {
        ssh::authorized_keys(&text);
        ssh::known_hosts(&text);
        ssh::authorized_keys(&format!("{options} {ED25519}"));
    }

    #[test]
    fn any_blob(bytes: Vec<u8>, kind in "(ssh-rsa|ssh-dss|ssh-ed25519|ecdsa-sha2-nistp256|ssh-rsa-cert-v01@openssh.com|sk-ssh-ed25519@openssh.com)") {
        let blob = [&u32::try_from(kind.len()).unwrap().to_be_bytes(), kind.as_bytes(), &bytes].concat();
        let _key = ssh::public_key(&format!("{kind} {}", data_encoding::BASE64.encode(&blob)));
    }

    #[test]
    fn any_bytes(bytes: Vec<u8>) {
        keys::private_keys(&bytes);
        credentials::x509::certificates(&bytes);
        let long = [&[0x30, 0x82, 0x01, 0x00, 0x30, 0x82, 0x00, 0xf0, 0xa0, 3, 2, 1, 2], bytes.as_slice()].concat();
        keys::private_keys(&long);
        credentials::x509::certificates(&long);
    }
}
