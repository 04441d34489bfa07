//! Files: the folder with everything that agents may plant in it, uploads that break off, and the routes.

mod folder;
mod routes;
mod uploads;
