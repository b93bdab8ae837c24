{#- What to do for each of the tutorial's segments: one action a segment, so the two can never disagree. -#}
{% macro segment_actions() %}
    {{ return({
        'Champions': 'VIP treatment, exclusive offers',
        'Loyal Customers': 'VIP treatment, exclusive offers',
        'New Customers': 'Onboarding campaign, product recommendations',
        'Big Spenders': 'Second-order incentive, product recommendations',
        'At Risk': 'Win-back campaign, special discount',
        'Cant Lose Them': 'Win-back campaign, special discount',
        'Hibernating': 'Re-engagement or sunset',
        'Lost': 'Re-engagement or sunset',
        'Others': 'Standard nurture campaign',
        'Prospect': 'First-order incentive',
    }) }}
{% endmacro %}
