//! Tests of the dissector.
