//! The schemas that operations refer to.

use std::collections::BTreeMap;

use utoipa::ToSchema;
use utoipa::openapi::{Ref, RefOr, Schema};

/// Named schemas, each once.
#[derive(Default)]
pub struct Schemas(BTreeMap<String, RefOr<Schema>>);

impl Schemas {
    /// A reference to `T` as it is: fields may be missing where it says so.
    pub fn plain<T: ToSchema>(&mut self) -> Ref {
        self.add::<T>(|schema| schema)
    }

    /// A reference to `T` as it is answered: every field is there, `null` where there is nothing.
    pub fn complete<T: ToSchema>(&mut self) -> Ref {
        self.add::<T>(complete)
    }

    /// All, by name.
    pub fn into_entries(self) -> impl Iterator<Item = (String, RefOr<Schema>)> {
        self.0.into_iter()
    }

    fn add<T: ToSchema>(&mut self, shape: fn(RefOr<Schema>) -> RefOr<Schema>) -> Ref {
        let mut found = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut found);
        for (name, schema) in found {
            self.0.entry(name).or_insert_with(|| shape(schema));
        }
        Ref::from_schema_name(T::name())
    }
}

/// With every property required.
fn complete(schema: RefOr<Schema>) -> RefOr<Schema> {
    match schema {
        RefOr::T(Schema::Object(mut object)) => {
            object.required = object.properties.keys().cloned().collect();
            RefOr::T(Schema::Object(object))
        }
        RefOr::T(Schema::AllOf(mut all)) => {
            all.items = all.items.into_iter().map(complete).collect();
            RefOr::T(Schema::AllOf(all))
        }
        other => other,
    }
}
