//! The field tables as values, for who compares or shows them.

use super::SignetKind;
use super::fields::{Form, Rule, SIGNATURE_SIZE};
use crate::Profile;

/// What the table of a signet kind says about a field id (spec/10 §3), in profile Libdime.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FieldRow {
    /// The field's name.
    pub label: &'static str,
    /// Whether a complete signet has it.
    pub required: bool,
    /// Whether it may occur only once.
    pub unique: bool,
    /// Bytes of the length of its name; 0 if it has none.
    pub name_length_width: usize,
    /// Bytes of the length of its data; 0 if its size is fixed.
    pub length_width: usize,
    /// Bytes of its data if the size is fixed, else 0.
    pub fixed_size: usize,
}

impl SignetKind {
    /// The row of `id`; nothing for ids that the kind does not have.
    pub fn field_row(self, id: u8) -> Option<FieldRow> {
        let Rule {
            label,
            required,
            unique,
            form,
        } = self.rule(id)?;
        let (name_length_width, length_width, fixed_size) = match form {
            Form::Length(width) => (0, width, 0),
            Form::Key => (0, Profile::Libdime.key_length_width(), 0),
            Form::Signature => (0, 0, SIGNATURE_SIZE),
            Form::Named => (1, 2, 0),
        };
        Some(FieldRow {
            label,
            required,
            unique,
            name_length_width,
            length_width,
            fixed_size,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_tell_how_a_field_is_delimited() {
        let widths = |kind: SignetKind, id| {
            let row = kind.field_row(id)?;
            Some((row.name_length_width, row.length_width, row.fixed_size))
        };
        let user = SignetKind::User;
        assert_eq!(widths(user, 1), Some((0, 1, 0)));
        assert_eq!(widths(user, 2), Some((0, 2, 0)));
        assert_eq!(widths(user, 5), Some((0, 0, 64)));
        assert_eq!(widths(user, 251), Some((1, 2, 0)));
        assert_eq!(widths(user, 252), Some((0, 3, 0)));
        assert_eq!(widths(user, 7), None);
        assert_eq!(widths(SignetKind::Request, 16), None);
    }
}
