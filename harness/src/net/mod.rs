//! The networks a world runs on: the simulated one and the real one, what is served on them, and
//! the recorder that sees every byte.

pub mod dns;
pub mod entropy;
pub mod live;
#[cfg(feature = "sim")]
pub mod sim;
pub mod tap;

/// What a panic said.
fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic without a message".to_owned())
}
