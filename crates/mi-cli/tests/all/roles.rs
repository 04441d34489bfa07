//! The catalogue of roles and skills.

use expect_test::expect;

use crate::house::House;
use crate::house::fake::{Asked, Reply};

#[test]
fn roles_and_skills_are_listed_and_shown_by_any_of_their_words() {
    let role = r#"{"name":"reviewer","description":"Judges","aliases":["critic"],"kinds":["verify"],"skills":["reports"],"prompt":"Look."}"#;
    let skill = r#"{"name":"reports","description":"How","text":"---\nname: reports\n---\nPage."}"#;
    let body = format!("[{role}]");
    let house = House::new(move |asked: &Asked, _| {
        Reply::json(if asked.path.ends_with("/roles") { body.clone() } else { format!("[{skill}]") })
    });
    expect![[r#"
            ROLE      PREFERS  SKILLS   DESCRIPTION
            reviewer  verify   reports  Judges
        "#]]
    .assert_eq(&house.run("mi roles").out);
    expect![[r#"
            role         reviewer
            description  Judges
            also called  critic
            prefers      verify
            skills       reports

            Look.
        "#]]
    .assert_eq(&house.run("mi roles Critic").out);
    let missing = house.run("mi roles beekeeper");
    assert_eq!(missing.code, 3, "{}", missing.err);
    let page = house.run("mi skills reports");
    assert!(page.out.contains("Page."), "{}", page.err);
}
