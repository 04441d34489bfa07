//! Files: the folder with everything that agents may plant in it, uploads that break off, a store without room, and the
//! routes.

mod folder;
mod room;
mod routes;
mod uploads;
