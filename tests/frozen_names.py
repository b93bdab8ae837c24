"""Names that people have written into their notebooks, and dashboards of theirs: they never change."""

SHOP_TABLES = ("customers", "orders", "order_items", "products")
STREAMING_TABLES = ("users", "movies", "subscriptions", "payments", "ratings", "watch_sessions")

MODELS = {
    "ecommerce": {
        *(f"stg_{name}" for name in SHOP_TABLES),
        *("int_customer_orders", "int_customer_rfm", "int_product_metrics"),
        *("fct_customer_metrics", "fct_customer_metrics_incremental", "fct_product_performance"),
        *("dim_customer_segments", "ml_customer_features"),
    },
    "movie_streaming": {
        *(f"prep_{name}" for name in STREAMING_TABLES),
        *("dim_users", "dim_movies", "dim_subscriptions", "dim_date"),
        *("fact_user_activity", "fact_movie_popularity", "fact_payments", "fact_ratings"),
        *("mart_movie_popularity_monthly", "mart_movie_rating_monthly"),
        *("mart_user_activity_monthly", "mart_subscription_revenue_monthly"),
    },
}
TESTS = {"ecommerce": {"assert_positive_clv", "assert_rfm_scores_valid"}, "movie_streaming": set[str]()}
TAGS = {
    "ecommerce": {
        *("staging", "intermediate", "marts", "ml", "customer", "product"),
        *("rfm", "segmentation", "features", "incremental"),
    },
    "movie_streaming": {"preparation", "model", "mart"},
}
KEYS = {
    "ecommerce": {
        *(("stg_customers", "customer_id"), ("stg_orders", "order_id")),
        *(("stg_order_items", "order_item_id"), ("stg_products", "product_id")),
        *(("fct_customer_metrics", "customer_id"), ("dim_customer_segments", "customer_id")),
        *(("fct_product_performance", "product_id"), ("ml_customer_features", "customer_id")),
    },
    "movie_streaming": {
        *(("dim_users", "user_id"), ("dim_movies", "movie_id"), ("dim_subscriptions", "subscription_id")),
        *(
            ("fact_user_activity", "session_id"),
            ("fact_payments", "payment_id"),
            ("fact_ratings", "rating_id"),
        ),
        ("mart_movie_popularity_monthly", "movie_month_key"),
        ("mart_movie_rating_monthly", "movie_month_key"),
        ("mart_user_activity_monthly", "user_month_key"),
        ("mart_subscription_revenue_monthly", "subscription_month_key"),
    },
}
PARTITIONED = {
    "ecommerce": dict[str, str](),
    "movie_streaming": {
        "mart_movie_popularity_monthly": "movie_id",
        "mart_movie_rating_monthly": "movie_id",
        "mart_user_activity_monthly": "subscription_id",
        "mart_subscription_revenue_monthly": "user_id",
    },
}
