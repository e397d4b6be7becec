//! What is looked for, and why anybody should care.

use schemars::JsonSchema;
use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "LintSeverity")]
pub enum Severity {
    /// It could be plainer, or a catalogue that is not complete makes it doubtful.
    Info,
    /// It likely does not mean what its author wanted, or gives away more than is wise.
    Warning,
    /// AWS refuses it.
    Error,
}

impl Severity {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    pub id: &'static str,
    pub why: &'static str,
}

macro_rules! rules {
    ($($name:ident $id:literal $why:literal)*) => {
        $(pub(super) const $name: Rule = Rule { id: $id, why: $why };)*
        /// Every rule.
        pub const RULES: &[Rule] = &[$($name),*];
    };
}

rules! {
    INVALID "invalid" "AWS refuses the policy, or it means something that nobody wrote."
    TOO_LONG "too-long" "AWS counts the characters of a policy, without white space, and refuses longer ones."
    DUPLICATE_SID "duplicate-sid" "AWS refuses two statements of one policy that have the same id."
    SID_CHARACTERS "sid-characters" "In a policy of a principal AWS takes only letters and digits for the id of a statement."
    ONLY_DENIES "only-denies" "A resource control policy can only deny, and only to everyone; AWS refuses others."
    NO_VERSION "no-version" "Without a version AWS takes the one of 2008, which has no policy variables."
    LITERAL_VARIABLE "literal-variable" "Only version 2012-10-17 has policy variables; in others `${…}` is text that no name equals."
    UNKNOWN_SERVICE "unknown-service" "No service is known by this prefix: the statement does nothing for it."
    UNKNOWN_ACTION "unknown-action" "The service has no action that is called so: the statement does nothing for it."
    MATCHES_NOTHING "matches-nothing" "No known action matches: today the pattern does nothing, tomorrow it may let something in."
    NEEDS_EVERYTHING "needs-everything" "AWS knows no resource for this action, so that a statement with narrower resources never applies to it."
    RESOURCE_NEVER_FITS "resource-never-fits" "The action is asked for on other resources than the statement names, so that it never applies to it."
    DEAD_RESOURCE "dead-resource" "AWS takes no wildcard for the service of an ARN and no variable before the fifth colon: nothing matches."
    UNKNOWN_KEY "unknown-key" "No request has a condition key that is called so; what is not there fails a condition, or passes a negated one."
    FOREIGN_KEY "foreign-key" "No action of the statement is said to have this key; what is not there fails a condition, or passes a negated one."
    LITERAL_WILDCARD "literal-wildcard" "Here AWS takes `*` for the character itself."
    OPERATOR_MISMATCH "operator-mismatch" "The operator compares something else than the key holds."
    NO_SET_OPERATOR "no-set-operator" "The key has several values; without `ForAllValues` or `ForAnyValue` it is not said which of them count."
    NEEDLESS_SET_OPERATOR "needless-set-operator" "The key has one value; with `ForAllValues` a request that has none passes as well."
    ALLOWS_ABSENT "allows-absent" "`ForAllValues` is true of a request without the key: the statement allows that too."
    ALLOW_NOT_ACTION "allow-not-action" "It allows all actions but these, with those of every other service and of those to come."
    ALLOW_NOT_RESOURCE "allow-not-resource" "It allows all resources but these, with those that are made later."
    PUBLIC_PRINCIPAL "public-principal" "Everybody is meant, with and without an account of AWS."
    PASS_ROLE_EVERYWHERE "pass-role-everywhere" "Whoever may hand any role to any service has the permissions of all of them."
    COVERED_PATTERN "covered-pattern" "Another pattern of the same list matches all of it."
    COVERED_STATEMENT "covered-statement" "Another statement says all of it."
}
