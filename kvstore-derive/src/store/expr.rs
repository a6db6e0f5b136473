//! What is checked of an expression before it becomes part of generated code.

use syn::visit_mut::VisitMut;
use syn::{BinOp, Expr, ExprIf, ExprLet, ExprWhile, PatGuard};

/// The error for a `let` that is no condition. syn reads it as an expression; the compiler refuses all generated code
/// because of it.
pub(crate) fn stray_let(expr: &Expr) -> Option<syn::Error> {
    let mut search = Search { found: None };
    search.visit_expr_mut(&mut expr.clone());
    search.found
}

struct Search {
    found: Option<syn::Error>,
}

impl Search {
    /// Visits a condition, in which `let` may stand, also between `&&`.
    fn visit_condition(&mut self, condition: &mut Expr) {
        match condition {
            Expr::Let(condition) => self.visit_expr_mut(&mut condition.expr),
            Expr::Binary(chain) if matches!(chain.op, BinOp::And(_)) => {
                self.visit_condition(&mut chain.left);
                self.visit_condition(&mut chain.right);
            }
            other => self.visit_expr_mut(other),
        }
    }
}

impl VisitMut for Search {
    fn visit_expr_let_mut(&mut self, stray: &mut ExprLet) {
        self.found.get_or_insert_with(|| {
            syn::Error::new_spanned(
                &*stray,
                "expected an expression, found a `let`: write the value itself, as `default = 3`, or a block that ends with it",
            )
        });
    }

    fn visit_expr_if_mut(&mut self, expr: &mut ExprIf) {
        self.visit_condition(&mut expr.cond);
        self.visit_block_mut(&mut expr.then_branch);
        if let Some((_, other)) = &mut expr.else_branch {
            self.visit_expr_mut(other);
        }
    }

    fn visit_expr_while_mut(&mut self, expr: &mut ExprWhile) {
        self.visit_condition(&mut expr.cond);
        self.visit_block_mut(&mut expr.body);
    }

    fn visit_pat_guard_mut(&mut self, pattern: &mut PatGuard) {
        self.visit_pat_mut(&mut pattern.pat);
        self.visit_condition(&mut pattern.guard);
    }
}
