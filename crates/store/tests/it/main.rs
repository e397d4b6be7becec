//! The conformance suite of the store: every engine passes the same tests.

#[cfg(test)]
mod access;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod engines;
#[cfg(test)]
mod lists;
#[cfg(test)]
mod model_check;
#[cfg(test)]
mod opening;
#[cfg(test)]
mod syncs;
#[cfg(test)]
mod world;
