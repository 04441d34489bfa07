//! Files of at most 500 lines (tests apart), functions of at most 70.

use super::{Finding, RustFile};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

pub fn check(file: &RustFile<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(check_file(file));
    findings.extend(check_functions(file));
    findings
}

fn check_file(file: &RustFile<'_>) -> Option<Finding> {
    if file.is_test_file() {
        return None;
    }
    let total = file.text.lines().count();
    let lines = (1..=total).filter(|line| !file.is_test_line(*line)).count();
    let what = format!("{lines} lines; {FILE_LINES_MAX} is the most, so split it by what its parts are about");
    (lines > FILE_LINES_MAX).then(|| Finding::whole(file.path, what))
}

fn check_functions(file: &RustFile<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for function in file.source.functions() {
        let lines = function.lines.clone().count();
        if lines > FUNCTION_LINES_MAX {
            let what = format!("`{}` has {lines} lines; {FUNCTION_LINES_MAX} is the most", function.name);
            findings.push(Finding::at(file.path, *function.lines.start(), what));
        }
    }
    findings
}
